import type { Finding } from './judgement.ts'

export interface Difference extends Finding {
  readonly groupId: string
}

/** What a verification found: all of it counted, the first of it listed. */
export interface Sums {
  /** How many groups were compared. */
  readonly groups: number
  readonly differences: Findings
  /** What Redis has and the topic can neither confirm nor rule out. */
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
  private readonly differences: Counter = { groups: 0, count: 0, first: [] }
  private readonly unverifiable: Counter = { groups: 0, count: 0, first: [] }
  /** Ids of groups that differ, up to `MAX_KEPT`. */
  private readonly differing = new Set<string>()

  /** @param limit how many differences are listed */
  constructor(limit: number) {
    this.limit = limit
  }

  compared(groups: number): void {
    this.groups += groups
  }

  differs(groupId: string, findings: readonly Finding[]): void {
    this.add(this.differences, groupId, findings)
    if (findings.length > 0 && this.differing.size < MAX_KEPT) this.differing.add(groupId)
  }

  cannotBeVerified(groupId: string, findings: readonly Finding[]): void {
    this.add(this.unverifiable, groupId, findings)
  }

  /**
   * The user index has users that the group does not have. Ignored for a group that differs: the
   * difference explains the entries.
   */
  hasStrayEntries(groupId: string, findings: readonly Finding[]): void {
    if (!this.differing.has(groupId)) this.add(this.differences, groupId, findings)
  }

  sums(): Sums {
    const { groups, differences, unverifiable } = this
    return { groups, differences, unverifiable }
  }

  private add(counter: Counter, groupId: string, findings: readonly Finding[]): void {
    if (findings.length === 0) return
    counter.groups++
    counter.count += findings.length
    const room = this.limit - counter.first.length
    for (const finding of findings.slice(0, room)) counter.first.push({ groupId, ...finding })
  }
}

interface Counter {
  groups: number
  count: number
  readonly first: Difference[]
}

/** A bound on memory: beyond it, stray entries of groups that differ are reported, too. */
const MAX_KEPT = 100_000
