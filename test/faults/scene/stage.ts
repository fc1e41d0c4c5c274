/** Scenes that end with their test, on the Kafka and Redis of all tests unless others are named. */
import { inject, onTestFinished } from 'vitest'
import { type Scene, type SceneOptions, startScene } from './scene.ts'

export async function openScene(
  options: Partial<SceneOptions> & Pick<SceneOptions, 'partitions'>,
): Promise<Scene> {
  const servers = { kafkaBrokers: inject('kafkaBrokers'), redisUrl: inject('redisUrl') }
  const scene = await startScene({ ...servers, ...options })
  onTestFinished(() => scene.close())
  return scene
}
