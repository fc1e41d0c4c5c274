/** Compares the groups of one pass with Redis. */
import { emptyState, type GroupState, mergeEvent, mergeState } from '../../domain/merge/merge.ts'
import { clockKey } from '../../redis/keys.ts'
import { walkGroups } from '../../redis/reading/key-walk.ts'
import { readStoredGroup, type StoredGroup } from '../../redis/reading/state-reader.ts'
import { runTasks } from '../../redis/task-lanes.ts'
import { type Offsets, readTopic } from '../topic-fold.ts'
import { endsOf } from '../topic-view.ts'
import { type Finding, judge, UNKNOWN_GROUP } from './judgement.ts'
import { bytesOf, type FoldedRange, isJudgedByNow, isWithin } from './passes.ts'
import type { VerificationContext } from './verification.ts'

/** A group that is not as it should be, for now. */
interface Suspect {
  /** What the workers have merged for certain. */
  low: GroupState
  /** What they may have merged. */
  high: GroupState
  live: StoredGroup
  /** What was found the last time. */
  findings: readonly Finding[]
}

type Suspects = Map<string, Suspect>

export async function compareRange(
  context: VerificationContext,
  folded: FoldedRange,
  pass: number,
): Promise<void> {
  const { tally, onStep } = context
  const { states } = folded
  const suspects: Suspects = new Map()
  let done = 0
  for (const some of inChunks(states.values())) {
    onStep({ kind: 'comparing', pass, groups: done, total: states.size })
    await look(context, some, suspects)
    done += some.length
    await settleIfMany(context, folded, suspects)
  }
  tally.compared(done)
  onStep({ kind: 'comparing', pass, groups: done, total: states.size })
  if (context.topic.isIncomplete()) {
    await countUnknown(context, folded)
  } else {
    for await (const ids of unknownGroups(context, folded)) {
      await look(context, ids.map(emptyState), suspects)
      await settleIfMany(context, folded, suspects)
    }
  }
  await settle(context, folded, suspects)
}

const CHUNK = 500
/** How much is kept of suspects before they are looked at again. */
const MAX_SUSPECT_BYTES = 64 * 1024 * 1024
/** How many groups are read at once. */
const LANES = 16
/** How often a group is looked at that differs in something else each time. */
const MAX_ROUNDS = 4

/** Reads groups as they stand, and keeps those that are not as the fold has them. */
async function look(
  context: VerificationContext,
  states: readonly GroupState[],
  suspects: Suspects,
): Promise<void> {
  await readAll(context, states, (state, live) => {
    const findings = judge(state, live, state)
    if (findings.length === 0) return
    suspects.set(state.groupId, { low: state, high: state, live, findings })
  })
}

async function readAll(
  { redis, patience, signal }: VerificationContext,
  states: readonly GroupState[],
  onRead: (state: GroupState, live: StoredGroup) => void,
): Promise<void> {
  const tasks = states.map((state) => async () => {
    signal.throwIfAborted()
    const { groupId, users } = state
    onRead(state, await patience.redis(() => readStoredGroup(redis, groupId, users.keys())))
  })
  await runTasks(tasks, LANES)
}

async function settleIfMany(
  context: VerificationContext,
  folded: FoldedRange,
  suspects: Suspects,
): Promise<void> {
  const bytes = bytesOf(Array.from(suspects.values(), ({ live }) => live.state))
  if (bytes <= MAX_SUSPECT_BYTES) return
  await settle(context, folded, suspects)
}

/**
 * Looks again until each suspect is as it should be, or the same is found of it twice; then
 * none is left.
 */
async function settle(
  context: VerificationContext,
  folded: FoldedRange,
  suspects: Suspects,
): Promise<void> {
  let from = context.ends
  for (let round = 1; suspects.size > 0; round++) {
    context.onStep({ kind: 'looking again', groups: suspects.size })
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

/** Merges into what may have been merged all that came into the topic meanwhile. */
async function extend(
  { config, log, now, signal, topic }: VerificationContext,
  { judgedByNow }: FoldedRange,
  suspects: Suspects,
  from: Offsets,
  to: Offsets,
): Promise<void> {
  await readTopic({
    ...{ config, log, now, signal, from, to },
    onUnreadable: topic.note,
    onRecord({ event, record }) {
      const suspect = suspects.get(event?.groupId ?? '')
      if (event === undefined || suspect === undefined) return
      if (isJudgedByNow(record, now(), config.events)) judgedByNow.add(event.groupId)
      if (suspect.high === suspect.low) suspect.high = copyOf(suspect.low)
      mergeEvent(suspect.high, event)
    },
  })
}

/** What may have been merged before is merged for certain once the workers passed it. */
async function readAgain(
  context: VerificationContext,
  suspects: Suspects,
  ends: Offsets,
): Promise<void> {
  await context.untilPassed(ends)
  const states = Array.from(suspects.values(), ({ high }) => high)
  await readAll(context, states, (state, live) => {
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

/** Groups in Redis of which the fold knows nothing, each once. */
async function* unknownGroups(
  { redis, patience, signal }: VerificationContext,
  { range, states }: FoldedRange,
): AsyncGenerator<string[]> {
  const seen = new Set<string>()
  for await (const ids of walkGroups(redis, patience.redis)) {
    signal.throwIfAborted()
    const unknown = new Set(ids).difference(seen)
    for (const id of unknown) if (states.has(id) || !isWithin(range, id)) unknown.delete(id)
    for (const id of unknown) seen.add(id)
    if (unknown.size > 0) yield [...unknown]
  }
}

/**
 * Where the topic has lost records these may be very many, and there is nothing to hold them
 * against: none is read, and none kept, so only the key is looked at that each of them has.
 */
async function countUnknown(
  { redis, patience, signal, tally }: VerificationContext,
  { range, states }: FoldedRange,
): Promise<void> {
  for await (const ids of walkGroups(redis, patience.redis, [clockKey('')])) {
    signal.throwIfAborted()
    for (const id of ids) {
      if (!states.has(id) && isWithin(range, id)) tally.cannotBeVerified(id, [UNKNOWN_GROUP])
    }
  }
}

/** What is found now and was found before. */
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

function* inChunks<Item>(items: Iterable<Item>): Generator<Item[]> {
  let chunk: Item[] = []
  for (const item of items) {
    chunk.push(item)
    if (chunk.length < CHUNK) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}
