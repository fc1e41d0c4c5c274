/** The result of a verification as text and as JSON. */
import type { Config } from '../../app/config/config.ts'
import { countOffsets, type Offsets } from '../../app/topic-reader.ts'
import type { Difference, Findings } from '../../app/verify/tally.ts'
import type { Verdict } from '../../app/verify/verification.ts'
import { shorten } from '../../domain/short-text.ts'
import { counted } from './counted.ts'
import type { OutStream } from './stream.ts'
import { paint, table } from './table.ts'

export function verdictText(verdict: Verdict, { kafka }: Config, stream: OutStream): string {
  const { differences, unverifiable, groups, passes, ends, unknowable } = verdict
  const records = countOffsets(unknowable.removed, ends)
  const parts = [
    ...(differences.count > 0 ? [listed('differences', differences, stream)] : []),
    ...(unverifiable.count > 0 ? [listed('cannot be verified', unverifiable, stream)] : []),
    ...limits(verdict, kafka.topic),
    `${counted(groups, 'group')} compared, from ${counted(records, 'record')} of topic ` +
      `${kafka.topic}, in ${counted(passes, 'pass')}: ${outcome(differences)}`,
  ]
  return parts.join('\n\n')
}

export function verdictJson(verdict: Verdict): object {
  const { groups, passes, ends, unknowable } = verdict
  return {
    groups,
    passes,
    ends: numbers(ends),
    differences: findingsJson(verdict.differences),
    unverifiable: findingsJson(verdict.unverifiable),
    unknowable: {
      removed: numbers(unknowable.removed),
      isCompacted: unknowable.isCompacted ?? null,
      unreadable: unknowable.unreadable.map((each) => ({ ...each, offset: Number(each.offset) })),
    },
  }
}

function outcome({ count, groups }: Findings): string {
  return count === 0
    ? 'no difference'
    : `${counted(count, 'difference')} in ${counted(groups, 'group')}`
}

function listed(title: string, { count, groups, first }: Findings, stream: OutStream): string {
  const heading = paint(stream, 'bold', `${title}: ${count}, in ${counted(groups, 'group')}`)
  const more = count > first.length ? `\n… and ${count - first.length} more` : ''
  if (first.length === 0) return heading
  const rows = first.map((each) => {
    const { groupId, expected, found } = each
    return [groupId, whatOf(each), expected ?? 'nothing', found ?? 'nothing'].map(cutCell)
  })
  return `${heading}\n${table(stream, ['group', 'what', 'expected', 'found'], rows)}${more}`
}

const MAX_CELL_LENGTH = 100

function cutCell(cell: string): string {
  return shorten(cell, MAX_CELL_LENGTH)
}

function whatOf({ kind, name }: Difference): string {
  switch (kind) {
    case 'group':
      return 'the group'
    case 'conflict':
      return 'cannot be written'
    case 'clock':
      return 'latest clock'
    case 'erasure':
      return 'erased as of'
    case 'trait':
      return `trait ${name}`
    case 'member':
      return `user ${name}`
    case 'index':
      return `index of user ${name}`
    default:
      return kind satisfies never
  }
}

/** Describes what cannot be verified, and why. */
function* limits({ unknowable, unverifiable }: Verdict, topic: string): Generator<string> {
  const { removed, isCompacted, unreadable } = unknowable
  if (removed.size > 0) {
    const records = Array.from(removed.values()).reduce((sum, start) => sum + start, 0n)
    yield `The first ${records} records of topic ${topic} are gone (retention or deletion). ` +
      `First offsets by partition: ${places(removed)}. ${BEYOND}`
  }
  if (isCompacted === true) {
    yield `Topic ${topic} is compacted: older records of each key may be gone. ${BEYOND}`
  }
  if (isCompacted === undefined) {
    yield `It is unknown whether topic ${topic} is compacted (the right DESCRIBE_CONFIGS is ` +
      'missing). If it is, some of the differences may come from records that are gone.'
  }
  for (const { partition, offset, reason } of unreadable.slice(0, SHOWN)) {
    yield `Offset ${offset} of partition ${partition} cannot be read: ${reason}`
  }
  if (unreadable.length > SHOWN) yield `… and ${unreadable.length - SHOWN} more records.`
  if (unverifiable.count > 0 && removed.size + unreadable.length === 0 && isCompacted !== true) {
    yield 'The groups that cannot be verified have a record without a usable timestamp. Whether ' +
      'its event is valid depended on when it was read.'
  }
}

const BEYOND =
  'What Redis has in addition to the remaining records cannot be verified; what they say was verified.'
const SHOWN = 5

function places(offsets: Offsets): string {
  const shown = Array.from(offsets, ([partition, offset]) => `${partition} (${offset})`)
  return shown.length <= SHOWN ? shown.join(', ') : `${shown.slice(0, SHOWN).join(', ')}, …`
}

function findingsJson({ groups, count, first }: Findings): object {
  return {
    groups,
    count,
    first: first.map(({ groupId, kind, name, expected, found }) => ({
      ...{ group: groupId, kind, name, expected, found },
    })),
  }
}

function numbers(offsets: Offsets): Record<string, number> {
  return Object.fromEntries(
    Array.from(offsets, ([partition, offset]) => [partition, Number(offset)]),
  )
}
