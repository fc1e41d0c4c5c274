import type { RebuildReport } from '../../app/rebuild/rebuild.ts'
import type { TopicGaps } from '../../app/topic-view.ts'
import { counted } from './counted.ts'
import { printable } from './printable.ts'

/** What the topic no longer holds, and what that means for a rebuild. */
export function gapsText(topic: string, gaps: TopicGaps, isReplaced: boolean): string {
  const lines = [`Topic ${topic} does not hold all events any more:`]
  const [first] = gaps.removed
  if (first !== undefined) {
    const others = gaps.removed.size - 1
    const more = others > 0 ? `, and of other partitions: ${others}` : ''
    lines.push(
      `  the records before offset ${first[1]} of partition ${first[0]} are gone (retention)${more}`,
    )
  }
  if (gaps.isRecreated)
    lines.push('  it was made anew: the workers had read further than it goes now')
  if (gaps.isCompacted) lines.push('  it is compacted: of each key the last record may be all')
  lines.push(
    isReplaced
      ? 'What only Redis knows of its groups is dropped, as --replace says.'
      : 'So its events are merged into what stands in Redis: what only Redis knows stays, and so ' +
          'does what is wrong there with a later time. (--replace: only what the topic holds.)',
  )
  return lines.join('\n')
}

/** How many of a list are named. */
const NAMED = 5

export function reportText(report: RebuildReport): string {
  const { mode, records, placed, pruned, stayed, pausedMs, unreadable, conflicts } = report
  return [
    mode === 'merge'
      ? `${counted(records, 'record')} merged into what stands in Redis.`
      : `${counted(records, 'record')} read, and ${counted(placed, 'group')} put in place` +
        (pausedMs > 0 ? `; the workers were paused for ${seconds(pausedMs)} s.` : '.'),
    ...(pruned > 0 ? [`Groups that the topic knows nothing of: ${pruned} deleted.`] : []),
    ...listed('Groups that the topic knows nothing of, and that stay', stayed),
    ...listed(
      'Groups that could not be written',
      conflicts.map(({ groupId, message }) => `${groupId}: ${message}`),
    ),
    ...listed(
      'Records that nobody can read, and that are passed over',
      unreadable.map(({ partition, offset, reason }) => `${partition}/${offset}: ${reason}`),
    ),
    ...(report.isInterrupted ? [interrupted(report)] : []),
  ].join('\n')
}

function interrupted({ mode, placed, pruned }: RebuildReport): string {
  return mode === 'replace' && placed + pruned === 0
    ? 'Ended early: nothing was changed.'
    : 'Ended early: what was done is right, the rest is as it was. Run it again to do all.'
}

function listed(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return []
  const more = items.length > NAMED ? [`  … and ${items.length - NAMED} more`] : []
  return [
    `${title}: ${items.length}`,
    ...items.slice(0, NAMED).map((item) => `  ${printable(item)}`),
    ...more,
  ]
}

/** How many groups are named to programs. */
const NAMED_IN_JSON = 1000

export function reportJson({ stayed, unreadable, pausedMs, ...rest }: RebuildReport): object {
  return {
    ...rest,
    pausedMs: Math.round(pausedMs),
    stayed: { count: stayed.length, groups: stayed.slice(0, NAMED_IN_JSON) },
    unreadable: unreadable.map((each) => ({ ...each, offset: String(each.offset) })),
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 10_000 ? 2 : 0)
}
