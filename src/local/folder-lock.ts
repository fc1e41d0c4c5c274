/**
 * A lock on a folder, so that only one local stack runs in it. The lock is a file with a port and
 * a token. The holder listens on that port and answers with the token. After the holder was
 * killed nobody answers with the token, so the next start takes the lock over. A process id alone
 * would not do: the system may have given it to another process.
 */

import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'
import { StackFailed } from './servers/stack-failed.ts'

export interface FolderLock {
  release(): Promise<void>
}

const holderSchema = z.object({ pid: z.int(), port: z.int(), token: z.string() })
type Holder = z.infer<typeof holderSchema>

const answerTimeoutMs = 1_000

/** Locks the folder. @throws StackFailed if another process holds the lock */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = join(folder, 'lock')
  const token = randomUUID()
  const server = await listen(token)
  const { port } = server.address() as AddressInfo
  const own: Holder = { pid: process.pid, port, token }
  while (!(await create(file, own))) {
    const found = await read(file)
    const holder = found && parse(found)
    if (holder && (await answers(holder))) {
      server.close()
      throw new StackFailed(
        `Process ${holder.pid} is running a local stack in ${folder} already: ` +
          'use that one, or stop it first.',
      )
    }
    if (found !== undefined) await discard(file, found)
  }
  return {
    async release() {
      server.close()
      await rm(file, { force: true })
    },
  }
}

function listen(token: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy()) // the client has disconnected
      socket.end(token)
    })
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server.unref()))
  })
}

/** Creates the file and its content in one step; false if the file exists. */
async function create(file: string, holder: Holder): Promise<boolean> {
  const partial = `${file}.${holder.token}`
  await writeFile(partial, JSON.stringify(holder))
  try {
    await link(partial, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(partial, { force: true })
  }
}

/** Undefined if the lock was released meanwhile. */
async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parse(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text))
  } catch {
    return undefined // a file of another program, or cut short
  }
}

/**
 * Removes a stale lock file. Another start may have replaced it by its own lock meanwhile: that
 * one is put back.
 */
async function discard(file: string, stale: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if ((await read(aside)) === stale) await rm(aside)
  else await rename(aside, file)
}

/** Whether the holder of the lock is alive. */
function answers({ port, token }: Holder): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ port, host: '127.0.0.1', timeout: answerTimeoutMs })
    socket.setEncoding('utf8')
    socket.on('data', (text) => {
      answer += text
    })
    socket.on('timeout', () => socket.destroy())
    socket.on('error', () => socket.destroy()) // nobody listens: the lock is stale
    socket.on('close', () => resolve(answer === token))
  })
}
