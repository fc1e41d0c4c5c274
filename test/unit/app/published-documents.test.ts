import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { documents } from '../../../src/app/published-documents.ts'

test.each(Object.values(documents))('the committed copy $file is current', ({ file, text }) => {
  expect(readFileSync(file, 'utf8'), `${file} is out of date: run npm run schemas`).toBe(text())
})
