/** Redis servers that belong to one test, which may fill, stop, freeze or reconfigure them. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePorts } from '../../../src/local/free-ports.ts'
import { type ChildServer, startChildServer } from '../../../src/local/servers/child-server.ts'

export interface OwnRedis {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** Its data directory, which `stop` deletes. */
  readonly folder: string
  /** Kills the process (SIGKILL) and keeps its data for `startAgain`. */
  kill(): Promise<void>
  /** Stops it as an operator would (SIGTERM) and keeps its data for `startAgain`. */
  shutDown(): Promise<void>
  /** Suspends the process (SIGSTOP): connections stay open and get no answers. */
  freeze(): void
  thaw(): void
  /** Starts it on the same data and port, with further arguments for this run. */
  startAgain(args?: readonly string[]): Promise<void>
  stop(): Promise<void>
}

export interface OwnRedisOptions {
  /** Further command-line arguments. */
  readonly args?: readonly string[]
  /** Password of the default user, also part of `url`; none by default. */
  readonly password?: string
  /** Further environment variables, given the data directory. */
  readonly env?: (folder: string) => Readonly<Record<string, string>>
  /** Writes a configuration file into the data directory and returns its path; none by default. */
  readonly configFile?: (folder: string) => Promise<string>
  /** The log line that says it is up, where it is not that of a plain server. */
  readonly readyLine?: string
  /** Runs before the first start, given the data directory. */
  readonly prepare?: (folder: string) => Promise<void>
}

/** @param binary path of redis-server: `inject('redisServer')` */
export async function startOwnRedis(
  binary: string,
  {
    args = [],
    password,
    env = () => ({}),
    prepare,
    configFile,
    readyLine = 'Server initialized',
  }: OwnRedisOptions = {},
): Promise<OwnRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'group-traits-redis-'))
  await prepare?.(folder)
  const config = configFile === undefined ? [] : [await configFile(folder)]
  const port = await findFreePort()
  const login = password === undefined ? [] : ['--requirepass', password]
  const start = async (furtherArgs: readonly string[]) => {
    const server = await startChildServer({
      name: 'Redis',
      // startChildServer takes no environment, so `env` sets it
      command: 'env',
      args: [
        ...Object.entries(env(folder)).map(([name, value]) => `${name}=${value}`),
        binary,
        ...config,
        ...['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder],
        ...login,
        ...args,
        ...furtherArgs,
      ],
      cwd: folder,
      logFile: join(folder, 'redis.log'),
      readyLine,
    })
    await server.ready()
    return server
  }
  let server: ChildServer = await start([])
  return {
    port,
    url: `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`,
    folder,
    get pid() {
      return server.pid
    },
    async kill() {
      process.kill(server.pid, 'SIGKILL')
      await server.ended
    },
    shutDown: () => server.stop(),
    freeze() {
      process.kill(server.pid, 'SIGSTOP')
    },
    thaw() {
      process.kill(server.pid, 'SIGCONT')
    },
    async startAgain(furtherArgs = []) {
      server = await start(furtherArgs)
    },
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A free port whose Cluster bus port (10,000 higher) is free, too. */
async function findFreePort(): Promise<number> {
  for (;;) {
    const wanted = 20_000 + Math.floor(Math.random() * 12_000)
    const [port, busPort] = await findFreePorts([wanted, wanted + 10_000])
    if (port === wanted && busPort === wanted + 10_000) return port
  }
}
