import type { RebuildReport } from '../../app/rebuild/rebuild.ts'
import type { TopicGaps } from '../../app/topic-view.ts'
import { counted } from './counted.ts'
import { printable } from './printable.ts'

/** Describes what the topic no longer has, and what that means for a rebuild. */
export function gapsText(topic: string, gaps: TopicGaps, isReplaced: boolean): string {
  const lines = [`Topic ${topic} no longer has all events:`]
  const [first] = gaps.removed
  if (first !== undefined) {
    const others = gaps.removed.size - 1
    const more = others > 0 ? `; the same is true of ${counted(others, 'other partition')}` : ''
    lines.push(
      `  partition ${first[0]} begins at offset ${first[1]}: earlier records are gone (retention)${more}`,
    )
  }
  if (gaps.isRecreated) {
    lines.push('  it was recreated: the workers have committed offsets beyond its end')
  }
  if (gaps.isCompacted)
    lines.push('  it is compacted: it may have only the last record of each key')
  lines.push(
    isReplaced
      ? 'With --replace, what only Redis knows about the groups in the topic is lost.'
      : 'So its events are merged into the state in Redis. What only Redis knows is kept, also a ' +
          'wrong value if its time is later. To keep only what the topic has, use --replace.',
  )
  return lines.join('\n')
}

/** How many items of a list are shown. */
const SHOWN = 5

export function reportText(report: RebuildReport): string {
  const { mode, records, placed, pruned, stayed, pausedMs, unreadable, conflicts } = report
  return [
    mode === 'merge'
      ? `${counted(records, 'record')} merged into the state in Redis.`
      : `${counted(records, 'record')} read, ${counted(placed, 'group')} rebuilt` +
        (pausedMs > 0 ? `; the workers were paused for ${seconds(pausedMs)} s.` : '.'),
    ...(pruned > 0 ? [`Groups without an event in the topic: ${pruned} deleted.`] : []),
    ...listed('Groups without an event in the topic, which were kept', stayed),
    ...listed(
      'Groups that could not be written',
      conflicts.map(({ groupId, message }) => `${groupId}: ${message}`),
    ),
    ...listed(
      'Unreadable records, which were skipped',
      unreadable.map(({ partition, offset, reason }) => `${partition}/${offset}: ${reason}`),
    ),
    ...(report.isInterrupted ? [interrupted(report)] : []),
  ].join('\n')
}

function interrupted({ mode, placed, pruned }: RebuildReport): string {
  return mode === 'replace' && placed + pruned === 0
    ? 'Stopped early: nothing was changed.'
    : 'Stopped early: what was done is correct, and the rest is unchanged. Run it again to finish.'
}

function listed(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return []
  const more = items.length > SHOWN ? [`  … and ${items.length - SHOWN} more`] : []
  return [
    `${title}: ${items.length}`,
    ...items.slice(0, SHOWN).map((item) => `  ${printable(item)}`),
    ...more,
  ]
}

/** How many groups the JSON report has. */
const GROUPS_IN_JSON = 1000

export function reportJson({ stayed, unreadable, pausedMs, ...rest }: RebuildReport): object {
  return {
    ...rest,
    pausedMs: Math.round(pausedMs),
    stayed: { count: stayed.length, groups: stayed.slice(0, GROUPS_IN_JSON) },
    unreadable: unreadable.map((each) => ({ ...each, offset: String(each.offset) })),
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 10_000 ? 2 : 0)
}
