/**
 * Checks again the groups that differ from the fold. A worker may have merged newer events when
 * such a group was read, so the group is only suspect at first:
 *
 *   suspect → fine        nothing is found in a later round
 *           → different   the same is found in two rounds running
 *
 * Each round reads what was produced since, and so learns what the workers may have merged.
 */
import { emptyState, type GroupState, mergeEvent, mergeState } from '../../domain/merge/merge.ts'
import { readStoredGroup, type StoredGroup } from '../../redis/reading/stored-group.ts'
import { runTasks } from '../../redis/task-lanes.ts'
import { type Offsets, readTopic } from '../topic-reader.ts'
import { endsOf } from '../topic-view.ts'
import type { VerificationContext } from './context.ts'
import { type Finding, judge } from './judgement.ts'
import { bytesOf, type FoldedRange, isJudgedByNow } from './passes.ts'

interface Suspect {
  /** What the workers had merged for certain when the group was read. */
  low: GroupState
  /** What they may have merged by then. */
  high: GroupState
  live: StoredGroup
  /** What the last round found. */
  findings: readonly Finding[]
}

/** Group id → the suspect. */
export type Suspects = Map<string, Suspect>

/** How much memory suspects may take, in bytes, before they are checked again. */
const MAX_SUSPECT_BYTES = 64 * 1024 * 1024
/** How many groups are read at once. */
const LANES = 16
/** How often a group is checked that differs in something else each time. */
const MAX_ROUNDS = 4

/** Reads groups from Redis, several at once. */
export async function readGroups(
  { redis, retry, signal }: VerificationContext,
  states: readonly GroupState[],
  onRead: (state: GroupState, live: StoredGroup) => void,
): Promise<void> {
  const tasks = states.map((state) => async () => {
    signal.throwIfAborted()
    const { groupId, users } = state
    onRead(state, await retry.redis(() => readStoredGroup(redis, groupId, users.keys())))
  })
  await runTasks(tasks, LANES)
}

export async function recheckIfMany(
  context: VerificationContext,
  folded: FoldedRange,
  suspects: Suspects,
): Promise<void> {
  const bytes = bytesOf(Array.from(suspects.values(), ({ live }) => live.state))
  if (bytes <= MAX_SUSPECT_BYTES) return
  await recheck(context, folded, suspects)
}

/** Checks the suspects, round after round, until none is left. */
export async function recheck(
  context: VerificationContext,
  folded: FoldedRange,
  suspects: Suspects,
): Promise<void> {
  let from = context.ends
  for (let round = 1; suspects.size > 0; round++) {
    context.onStep({ kind: 'rechecking', groups: suspects.size })
    const to = endsOf(await context.topic.offsets())
    await extend(context, folded, suspects, from, to)
    for (const [groupId, suspect] of suspects) {
      const { low, live, high, findings } = suspect
      suspect.findings = judge(low, live, high)
      const lasting = round === 1 ? [] : inBoth(suspect.findings, findings)
      const isOver =
        suspect.findings.length === 0 ||
        lasting.length === suspect.findings.length ||
        round === MAX_ROUNDS
      if (!isOver) continue
      suspects.delete(groupId)
      conclude(context, folded, groupId, lasting)
    }
    if (suspects.size > 0) await readAgain(context, suspects, to)
    from = to
  }
}

/** Merges all records of the range into what may have been merged (`high`). */
async function extend(
  { config, log, now, signal, topic }: VerificationContext,
  { judgedByNow }: FoldedRange,
  suspects: Suspects,
  from: Offsets,
  to: Offsets,
): Promise<void> {
  await readTopic({
    ...{ config, log, now, signal, from, to },
    onUnreadable: topic.addUnreadable,
    onRecord({ event, record }) {
      const suspect = suspects.get(event?.groupId ?? '')
      if (event === undefined || suspect === undefined) return
      if (isJudgedByNow(record, now(), config.events)) judgedByNow.add(event.groupId)
      if (suspect.high === suspect.low) suspect.high = copyOf(suspect.low)
      mergeEvent(suspect.high, event)
    },
  })
}

/** Once the workers have passed the ends, what may have been merged is merged for certain. */
async function readAgain(
  context: VerificationContext,
  suspects: Suspects,
  ends: Offsets,
): Promise<void> {
  await context.waitForWorkers(ends)
  const states = Array.from(suspects.values(), ({ high }) => high)
  await readGroups(context, states, (state, live) => {
    const suspect = suspects.get(state.groupId)
    if (suspect !== undefined) Object.assign(suspect, { low: state, high: state, live })
  })
}

function conclude(
  { tally, topic }: VerificationContext,
  { judgedByNow }: FoldedRange,
  groupId: string,
  findings: readonly Finding[],
): void {
  const isUnknowable = ({ isBeyond }: Finding) =>
    judgedByNow.has(groupId) || (isBeyond && topic.isIncomplete())
  tally.differs(
    groupId,
    findings.filter((finding) => !isUnknowable(finding)),
  )
  tally.cannotBeVerified(groupId, findings.filter(isUnknowable))
}

/** The findings of now that were found before as well. */
function inBoth(now: readonly Finding[], before: readonly Finding[]): Finding[] {
  return now.filter(({ kind, name }) =>
    before.some((other) => other.kind === kind && other.name === name),
  )
}

function copyOf(state: GroupState): GroupState {
  const copy = emptyState(state.groupId)
  mergeState(copy, state)
  return copy
}
