import type { Loss } from '../pipeline/loss-detection.ts'
import type { Log } from '../pipeline/ports.ts'
import type { Config } from './config/config.ts'

/** Logs which acknowledged writes Redis lost, and what the worker does about it. */
export function reportLosses(
  losses: readonly Loss[],
  onLostState: Config['worker']['onLostState'],
  log: Log,
): void {
  const partitions = losses.map(({ partition, checkpoint, applied, from }) => {
    const gone = from - (checkpoint ?? 0n)
    return {
      partition,
      appliedUpTo: String(applied),
      redisHas: String(checkpoint ?? 'nothing'),
      ...(gone > 0n && { goneFromTopic: String(gone) }),
    }
  })
  const names = partitions.map(({ partition }) => partition).join(', ')
  const isGone = partitions.some(({ goneFromTopic }) => goneFromTopic !== undefined)
  log.error(
    { partitions },
    'Redis lost writes that it had acknowledged (a flush, an older snapshot, a failover?): ' +
      (onLostState === 'stop'
        ? `partitions ${names} are left unchanged`
        : `replaying partitions ${names} from the checkpoints in Redis`) +
      (isGone ? '; some of the lost records are no longer in the topic: they stay lost' : ''),
  )
}
