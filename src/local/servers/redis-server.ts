/** A real Redis as a child process. */

import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ChildServer, startChildServer } from './child-server.ts'
import { type Downloading, downloadFiles } from './maven.ts'
import { runCommand } from './run-command.ts'
import { StackFailed } from './stack-failed.ts'

const carrier = 'com.github.codemonstur:embedded-redis:1.4.3'

/** @throws StackFailed with the end of what it said */
export async function startRedisServer(
  command: string,
  folder: string,
  port: number,
): Promise<ChildServer> {
  await mkdir(folder, { recursive: true })
  return startChildServer({
    name: 'Redis',
    command,
    args: ['--port', `${port}`, '--bind', '127.0.0.1', '--appendonly', 'yes', '--save', ''],
    cwd: folder,
    logFile: join(folder, 'redis.log'),
    readyLine: 'Ready to accept connections',
  })
}

/** A redis-server on the PATH, or else among the downloads; undefined where neither is of use. */
export async function findRedisServer(downloads: string): Promise<string | undefined> {
  if (await isUsable('redis-server')) return 'redis-server'
  return findDownloaded(join(downloads, 'redis'))
}

/**
 * A redis-server for this platform out of a jar that carries several.
 *
 * @throws StackFailed where Maven fails or there is none for this platform
 */
export async function downloadRedisServer(
  downloads: string,
  downloading: Downloading,
): Promise<string> {
  const folder = join(downloads, 'redis')
  await downloadFiles('Redis 6.2', carrier, `redis-server-*-${platform()}`, folder, downloading)
  const found = await findDownloaded(folder)
  if (found) return found
  throw new StackFailed(
    `There is no ready-made Redis for this machine (${platform()}). ` +
      'Install redis-server 6.2 or later, so that it is on the PATH.',
  )
}

async function findDownloaded(folder: string): Promise<string | undefined> {
  if (!existsSync(folder)) return undefined
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    if (await isUsable(path)) return path
  }
  return undefined
}

/** Runs here, and is Redis 6.2 or later. */
async function isUsable(command: string): Promise<boolean> {
  const { code, output } = await runCommand(command, ['--version'], { timeoutMs: 20_000 })
  const version = /v=(\d+)\.(\d+)/.exec(output)
  if (code !== 0 || !version) return false
  const [major, minor] = [Number(version[1]), Number(version[2])]
  return major > 6 || (major === 6 && minor >= 2)
}

/** As the jar names them: linux-amd64, linux-arm64, darwin-amd64, darwin-arm64. */
function platform(): string {
  return `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
}
