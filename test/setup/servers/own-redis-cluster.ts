import { Redis } from 'ioredis'
import { until } from '../waiting.ts'
import { type OwnRedis, startOwnRedis } from './own-redis.ts'

export interface OwnCluster {
  /** `redis+cluster://…` */
  readonly url: string
  readonly nodes: readonly OwnRedis[]
  stop(): Promise<void>
}

const SLOTS = 16384
const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--appendonly', 'yes']

/** Starts a Redis Cluster of three masters, each with a third of the slots. */
export async function startOwnCluster(binary: string): Promise<OwnCluster> {
  const nodes = await Promise.all([1, 2, 3].map(() => startOwnRedis(binary, { args })))
  const clients = nodes.map(({ port }) => new Redis(port, { protocol: 2 }))
  try {
    for (const [i, client] of clients.entries()) {
      await client.cluster('SET-CONFIG-EPOCH', i + 1)
      await client.cluster('ADDSLOTS', ...slotsOf(i, nodes.length))
      await client.cluster('MEET', '127.0.0.1', nodes[0]?.port ?? 0)
    }
    await Promise.all(clients.map((client) => until('the cluster is up', () => isUp(client))))
  } finally {
    for (const client of clients) client.disconnect()
  }
  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    nodes,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

function slotsOf(node: number, nodes: number): number[] {
  return Array.from({ length: SLOTS }, (_, slot) => slot).filter(
    (slot) => Math.floor((slot * nodes) / SLOTS) === node,
  )
}

async function isUp(client: Redis): Promise<boolean> {
  const info = String(await client.cluster('INFO'))
  return /cluster_state:ok/.test(info) && /cluster_size:3/.test(info)
}
