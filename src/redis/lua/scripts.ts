/** The Lua scripts that run inside Redis. Their files are in this folder, in dist as in src. */
import { readFileSync } from 'node:fs'
import type { Cluster, Redis } from 'ioredis'

/** A client that has the scripts as commands. */
export type RedisClient = (Redis | Cluster) & ScriptCommands

/** What each one takes and returns is at the top of its file; the last file is the one that runs. */
const SCRIPTS: Readonly<Record<string, Script>> = {
  mergeGroups: {
    files: ['clock.lua', 'merge-patches.lua', 'merge-traits.lua', 'merge-users.lua', 'merge.lua'],
  },
  eraseGroup: { files: ['clock.lua', 'erase.lua'], numberOfKeys: 1 },
  setUserIndex: { files: ['user-index.lua'], numberOfKeys: 2 },
  setCheckpoint: { files: ['set-checkpoint.lua'], numberOfKeys: 2 },
  extendLock: { files: ['lock.lua'], numberOfKeys: 1 },
  replaceGroups: { files: ['replacement.lua'] },
  readGroup: { files: ['read-group.lua'], numberOfKeys: 1 },
  readUser: { files: ['read-user.lua'], numberOfKeys: 2 },
  probeRights: { files: ['probe-rights.lua'], numberOfKeys: 4 },
}

interface Script {
  readonly files: readonly string[]
  /** Where it is left out, the caller says how many keys there are. */
  readonly numberOfKeys?: number
}

interface ScriptCommands {
  mergeGroups(
    keyCount: number,
    ...keysAndArguments: Argument[]
  ): Promise<[conflicts: (number | string)[], memberships: string[][]]>
  /** `eraseGroup`, with a reply in bytes: ids that another program wrote need not be UTF-8. */
  eraseGroupBuffer(
    groupKey: string,
    ...args: Argument[]
  ): Promise<[conflict: Buffer, stage: Buffer, cursor: Buffer, users: Buffer[]]>
  setUserIndex(groupsKey: string, leftKey: string, ...args: Argument[]): Promise<number>
  setCheckpoint(
    checkpointKey: string,
    pauseKey: string,
    partition: number,
    expected: string,
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

type Argument = string | number | Buffer

/** Lists are flat pairs: name, value, name, value. */
export type GroupReply = [
  traits: string[],
  clocks: string[],
  members: string[],
  memberCount: number,
  left: string[],
  leftCount: number,
]

export type UserReply = [groups: string[], groupCount: number, left: string[], leftCount: number]

/** Reads the files and returns the scripts as the client takes them. */
export function loadScripts(): Record<string, { lua: string; numberOfKeys?: number }> {
  return Object.fromEntries(
    Object.entries(SCRIPTS).map(([name, { files, ...rest }]) => [
      name,
      { lua: joinFiles(files.map(read)), ...rest },
    ]),
  )
}

/**
 * Joins files to one script. Each file but the last becomes a block, so its local names stay private.
 * The names in its lines `-- Exports:` are declared before the block: later files can use them. If a
 * name is missing there, Redis rejects the script, because it would set a global variable.
 *
 * The blocks also save time: each call of a script creates its functions, and Lua takes the longer to
 * create one, the more local names are in scope.
 */
function joinFiles(texts: readonly string[]): string {
  const blocks = texts.slice(0, -1).map((text) => {
    const exported = Array.from(text.matchAll(/^-- Exports: (.*)$/gm), ([, names]) => names)
    return `local ${exported.join(', ')}\ndo\n${text}end\n`
  })
  return blocks.join('') + texts.at(-1)
}

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}
