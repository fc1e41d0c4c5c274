/** Scenes that end with their test, on the Kafka and Redis of all tests unless others are named. */
import { inject, onTestFinished } from 'vitest'
import { openWay, type Way } from '../servers/proxy.ts'
import { type Scene, type SceneOptions, startScene } from './scene.ts'

export async function openScene(
  options: Partial<SceneOptions> & Pick<SceneOptions, 'partitions'>,
): Promise<Scene> {
  const servers = { kafkaBrokers: inject('kafkaBrokers'), redisUrl: inject('redisUrl') }
  const scene = await startScene({ ...servers, ...options })
  onTestFinished(() => scene.close())
  return scene
}

/** A way to a Redis, that of all tests unless another is named, which closes with its test. */
export async function openWayToRedis(
  redisUrl = inject('redisUrl'),
): Promise<{ way: Way; url: string }> {
  const url = new URL(redisUrl)
  const way = await openWay(Number(url.port))
  onTestFinished(() => way.close())
  url.port = String(way.port)
  return { way, url: url.href }
}
