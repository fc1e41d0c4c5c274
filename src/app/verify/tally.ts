import type { Finding } from './judgement.ts'

export interface Difference extends Finding {
  readonly groupId: string
}

/** What was found, all counted, the first of it told. */
export interface Sums {
  /** Groups that were compared. */
  readonly groups: number
  readonly differences: Findings
  /** Where Redis has more than the topic can tell of. */
  readonly unverifiable: Findings
}

export interface Findings {
  /** How many groups have any. */
  readonly groups: number
  readonly count: number
  readonly first: readonly Difference[]
}

export class Tally {
  private groups = 0
  private readonly limit: number
  private readonly differences: Counting = { groups: 0, count: 0, first: [] }
  private readonly unverifiable: Counting = { groups: 0, count: 0, first: [] }
  /** Groups that differ, as long as they are not too many to be kept. */
  private readonly differing = new Set<string>()

  constructor(limit: number) {
    this.limit = limit
  }

  compared(groups: number): void {
    this.groups += groups
  }

  differs(groupId: string, findings: readonly Finding[]): void {
    this.add(this.differences, groupId, findings)
    if (this.differing.size < MAX_KEPT) this.differing.add(groupId)
  }

  cannotBeVerified(groupId: string, findings: readonly Finding[]): void {
    this.add(this.unverifiable, groupId, findings)
  }

  /** The user index has users that the group has not; not told of a group that differs anyway. */
  hasStrayEntries(groupId: string, findings: readonly Finding[]): void {
    if (!this.differing.has(groupId)) this.add(this.differences, groupId, findings)
  }

  sums(): Sums {
    const { groups, differences, unverifiable } = this
    return { groups, differences, unverifiable }
  }

  private add(counting: Counting, groupId: string, findings: readonly Finding[]): void {
    if (findings.length === 0) return
    counting.groups++
    counting.count += findings.length
    const room = this.limit - counting.first.length
    for (const finding of findings.slice(0, room)) counting.first.push({ groupId, ...finding })
  }
}

interface Counting {
  groups: number
  count: number
  readonly first: Difference[]
}

const MAX_KEPT = 100_000
