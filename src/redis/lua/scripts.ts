/** The Lua scripts that run inside Redis. They stand beside this file, in dist as in src. */
import { readFileSync } from 'node:fs'
import type { Cluster, Redis } from 'ioredis'

/** A client that knows the scripts; what they take and answer is said at the top of each. */
export type RedisClient = (Redis | Cluster) & ScriptCommands

type Argument = string | number | Buffer

interface ScriptCommands {
  mergeGroups(
    keyCount: number,
    ...keysAndArguments: Argument[]
  ): Promise<[conflicts: (number | string)[], memberships: string[][]]>
  eraseGroupBuffer(
    groupKey: string,
    ...args: Argument[]
  ): Promise<[conflict: Buffer, stage: Buffer, cursor: Buffer, users: Buffer[]]>
  setUserIndex(groupsKey: string, leftKey: string, ...args: Argument[]): Promise<number>
  setCheckpoint(
    checkpointKey: string,
    pauseKey: string,
    partition: number,
    seen: string,
    next: string,
  ): Promise<'set' | 'other' | 'paused'>
  extendLock(lockKey: string, token: string, ttlMs: number): Promise<0 | 1>
  replaceGroups(keyCount: number, ...keysAndArguments: Argument[]): Promise<string[] | null>
  readGroup(groupKey: string, limit: number): Promise<GroupReply>
  readUser(groupsKey: string, leftKey: string, limit: number): Promise<UserReply>
  probeRights(
    groupProbe: string,
    userProbe: string,
    checkpointProbe: string,
    pauseProbe: string,
  ): Promise<string[]>
}

/** Pairs are flat: name, value, name, value. */
export type GroupReply = [
  traits: string[],
  clocks: string[],
  members: string[],
  memberCount: number,
  left: string[],
  leftCount: number,
]

export type UserReply = [groups: string[], groupCount: number, left: string[], leftCount: number]

/** The scripts as the client wants them; reads their files. */
export function loadScripts(): Record<string, { lua: string; numberOfKeys?: number }> {
  return {
    mergeGroups: { lua: MERGE_PARTS.map(read).join('') },
    eraseGroup: { lua: read('./clock.lua') + read('./erase.lua'), numberOfKeys: 1 },
    setUserIndex: { lua: read('./user-index.lua'), numberOfKeys: 2 },
    setCheckpoint: { lua: read('./set-checkpoint.lua'), numberOfKeys: 2 },
    extendLock: { lua: read('./lock.lua'), numberOfKeys: 1 },
    replaceGroups: { lua: read('./replacement.lua') },
    readGroup: { lua: read('./read-group.lua'), numberOfKeys: 1 },
    readUser: { lua: read('./read-user.lua'), numberOfKeys: 2 },
    probeRights: { lua: read('./probe-rights.lua'), numberOfKeys: 4 },
  }
}

const MERGE_PARTS = [
  './clock.lua',
  './merge-patches.lua',
  './merge-traits.lua',
  './merge-users.lua',
  './merge.lua',
]

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}
