/** Scenes and proxies that close with their test. By default they use the shared Kafka and Redis. */
import { inject, onTestFinished } from 'vitest'
import { startProxy, type TcpProxy } from '../servers/proxy.ts'
import { type Scene, type SceneOptions, startScene } from './scene.ts'

export async function openScene(
  options: Partial<SceneOptions> & Pick<SceneOptions, 'partitions'>,
): Promise<Scene> {
  const servers = { kafkaBrokers: inject('kafkaBrokers'), redisUrl: inject('redisUrl') }
  const scene = await startScene({ ...servers, ...options })
  onTestFinished(() => scene.close())
  return scene
}

/** Starts a proxy in front of a Redis; `url` leads through it. */
export async function openRedisProxy(
  redisUrl = inject('redisUrl'),
): Promise<{ proxy: TcpProxy; url: string }> {
  const url = new URL(redisUrl)
  const proxy = await startProxy(Number(url.port))
  onTestFinished(() => proxy.close())
  url.port = String(proxy.port)
  return { proxy, url: url.href }
}
