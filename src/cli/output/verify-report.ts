/** What a verification found, for people and for programs. */
import type { Config } from '../../app/config/config.ts'
import { countOffsets, type Offsets } from '../../app/topic-reader.ts'
import type { Difference, Findings } from '../../app/verify/tally.ts'
import type { Verdict } from '../../app/verify/verification.ts'
import type { OutStream } from '../cli.ts'
import { counted } from './counted.ts'
import { paint, table } from './table.ts'

export function forPeople(verdict: Verdict, { kafka }: Config, stream: OutStream): string {
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

export function forPrograms(verdict: Verdict): object {
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
  const head = paint(stream, 'bold', `${title}: ${count}, in ${counted(groups, 'group')}`)
  const more = count > first.length ? `\n… and ${count - first.length} more` : ''
  if (first.length === 0) return head
  const rows = first.map((each) => {
    const { groupId, expected, found } = each
    return [groupId, whatOf(each), expected ?? 'nothing', found ?? 'nothing'].map(shortened)
  })
  return `${head}\n${table(stream, ['group', 'what', 'expected', 'found'], rows)}${more}`
}

const MAX_CELL_LENGTH = 100

function shortened(cell: string): string {
  return cell.length <= MAX_CELL_LENGTH ? cell : `${cell.slice(0, MAX_CELL_LENGTH - 1)}…`
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

/** What nobody can know, and what that means. */
function* limits({ unknowable, unverifiable }: Verdict, topic: string): Generator<string> {
  const { removed, isCompacted, unreadable } = unknowable
  if (removed.size > 0) {
    const records = Array.from(removed.values()).reduce((sum, start) => sum + start, 0n)
    yield `Of topic ${topic} the first ${records} records are gone (retention or deletion: ` +
      `partitions ${places(removed)} begin later than at 0).${BEYOND}`
  }
  if (isCompacted === true) {
    yield `Topic ${topic} is compacted: of each key, older records may be gone.${BEYOND}`
  }
  if (isCompacted === undefined) {
    yield `Whether topic ${topic} is compacted could not be asked (no right DESCRIBE_CONFIGS): ` +
      'if it is, what Redis has beyond the topic may be no difference.'
  }
  for (const { partition, offset, reason } of unreadable.slice(0, SHOWN)) {
    yield `Offset ${offset} of partition ${partition} cannot be read: ${reason}`
  }
  if (unreadable.length > SHOWN) yield `… and ${unreadable.length - SHOWN} further records.`
  if (unverifiable.count > 0 && removed.size + unreadable.length === 0 && isCompacted !== true) {
    yield 'What cannot be verified are groups with a record that has no usable time: whether its ' +
      'event counts depended on when it was read.'
  }
}

const BEYOND =
  ' What Redis has beyond the rest cannot be verified; what the rest says, Redis must have.'
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
