import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  readLocalEndpoints,
  removeEndpoints,
  writeEndpoints,
} from '../../../src/local/endpoints.ts'

const endpoints = { kafkaBrokers: ['127.0.0.1:9092'], redisUrl: 'redis://127.0.0.1:6379' }
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'group-traits-test-'))
})

afterEach(() => rm(folder, { recursive: true }))

test('a running stack is found in its folder until it stops', async () => {
  expect(readLocalEndpoints(folder)).toBeUndefined()
  await writeEndpoints(folder, endpoints)
  expect(readLocalEndpoints(folder)).toEqual(endpoints)
  await removeEndpoints(folder)
  expect(readLocalEndpoints(folder)).toBeUndefined()
})

test('a stack whose process was killed is not found', async () => {
  const noSuchProcess = 2 ** 22 + 1
  const left = JSON.stringify({ ...endpoints, pid: noSuchProcess })
  await writeFile(join(folder, 'endpoints.json'), left)
  expect(readLocalEndpoints(folder)).toBeUndefined()
})

test('a file of another program, or an incomplete one, is ignored', async () => {
  for (const text of ['', 'null', '{"pid": 1']) {
    await writeFile(join(folder, 'endpoints.json'), text)
    expect(readLocalEndpoints(folder)).toBeUndefined()
  }
})
