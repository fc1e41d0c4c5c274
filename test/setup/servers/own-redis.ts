/** Redis servers of a test's own, to be filled, stopped, locked and clustered at will. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePorts } from '../../../src/local/free-ports.ts'
import { type ChildServer, startChildServer } from '../../../src/local/servers/child-server.ts'

export interface OwnRedis {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** Where it keeps its data; gone after `stop`. */
  readonly folder: string
  /** Ends the process at once and keeps its data, for `startAgain`. */
  kill(): Promise<void>
  /** Ends it as an operator would, and keeps its data, for `startAgain`. */
  shutDown(): Promise<void>
  /** Holds the process where it is: connections stay, and nothing is answered. */
  freeze(): void
  thaw(): void
  /** With the same data and port, and further arguments for this time. */
  startAgain(args?: readonly string[]): Promise<void>
  stop(): Promise<void>
}

export interface OwnRedisOptions {
  /** Further arguments, as on the command line. */
  readonly args?: readonly string[]
  /** That of the default user, and of `url`; none where left out. */
  readonly password?: string
  /** What is added to its environment, by its folder. */
  readonly env?: (folder: string) => Readonly<Record<string, string>>
  /** Writes a configuration file into its folder and returns the path; without it, none is used. */
  readonly configFile?: (folder: string) => Promise<string>
  /** What it says once it serves, where that is not what a server says. */
  readonly readyLine?: string
  /** Runs before the start, with the folder as argument. */
  readonly prepare?: (folder: string) => Promise<void>
}

/** @param binary what `inject('redisServer')` gives */
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
      // `env` of the system, as the servers take none of their own
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

/** With the port that a Cluster's nodes talk to each other by, 10,000 further on, free as well. */
async function findFreePort(): Promise<number> {
  for (;;) {
    const wanted = 20_000 + Math.floor(Math.random() * 12_000)
    const [port, busPort] = await findFreePorts([wanted, wanted + 10_000])
    if (port === wanted && busPort === wanted + 10_000) return port
  }
}
