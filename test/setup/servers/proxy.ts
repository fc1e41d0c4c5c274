/**
 * The way to a server: a TCP proxy on this machine, as faulty as a network can be. It is open,
 * or cut (connections are refused, and those that were there are dropped); open, it may be
 * frozen (it accepts, and carries nothing either way) or slow.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePorts } from '../../../src/local/free-ports.ts'

export interface Way {
  readonly port: number
  cut(): Promise<void>
  mend(): Promise<void>
  freeze(): void
  /** What was sent meanwhile arrives now. */
  thaw(): void
  /** Whatever is sent from now on takes so long, each way. */
  slow(latencyMs: number): void
  /**
   * Lets the next chunk of a reply that has more bytes than these end behind them, and its
   * connection with it; resolves once that has happened, or is called off by the signal.
   */
  cutInReply(bytes: number, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** @param target port of the server, on 127.0.0.1 */
export async function openWay(target: number): Promise<Way> {
  const port = await findPort()
  const sockets = new Set<Socket>()
  const state: State = { latencyMs: 0, frozen: undefined, cuts: new Set() }
  let server: Server | undefined

  const cut = async () => {
    const closing = server && once(server, 'close')
    server?.close()
    server = undefined
    for (const socket of sockets) socket.destroy()
    await closing
  }
  const mend = async () => {
    if (server !== undefined) return
    server = createServer((client) => {
      const upstream = connect(target, '127.0.0.1')
      for (const socket of [client, upstream]) {
        sockets.add(socket)
        socket.setNoDelay(true)
        socket.on('error', () => socket.destroy())
        socket.on('close', () => sockets.delete(socket))
      }
      carry(client, upstream, state, new Set())
      carry(upstream, client, state, state.cuts)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await mend()
  return {
    port,
    cut,
    mend,
    freeze() {
      state.frozen ??= Promise.withResolvers<void>()
    },
    thaw() {
      state.frozen?.resolve()
      state.frozen = undefined
    },
    slow(latencyMs) {
      state.latencyMs = latencyMs
    },
    cutInReply(bytes, signal) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const planned: Cut = { bytes, done: resolve }
      state.cuts.add(planned)
      signal?.addEventListener('abort', () => {
        state.cuts.delete(planned)
        resolve()
      })
      return promise
    },
    close: cut,
  }
}

interface State {
  latencyMs: number
  frozen: PromiseWithResolvers<void> | undefined
  readonly cuts: Set<Cut>
}

interface Cut {
  readonly bytes: number
  done(): void
}

/** More on its way than this makes the sender wait, as a real network would. */
const MAX_BYTES_UNDER_WAY = 4 * 1024 * 1024

/**
 * Carries what `from` sends to `to`, in order, and its end after it.
 *
 * @param cuts of this direction
 */
function carry(from: Socket, to: Socket, state: State, cuts: Set<Cut>): void {
  let arrival = Promise.resolve()
  let underWay = 0
  const queue = (deliver: () => void) => {
    const dueMs = performance.now() + state.latencyMs
    arrival = arrival.then(async () => {
      const waitMs = dueMs - performance.now()
      if (waitMs > 0) await sleep(waitMs)
      while (state.frozen !== undefined) await state.frozen.promise
      deliver()
    })
  }
  from.on('data', (bytes) => {
    underWay += bytes.length
    if (underWay > MAX_BYTES_UNDER_WAY) from.pause()
    queue(() => {
      underWay -= bytes.length
      const cut = takeCut(cuts, bytes.length)
      if (cut === undefined) write(from, to, bytes)
      else breakOff(from, to, bytes.subarray(0, cut.bytes), cut)
      if (underWay <= MAX_BYTES_UNDER_WAY && !to.writableNeedDrain) from.resume()
    })
  })
  from.on('close', () => queue(() => to.end(() => to.destroy())))
}

function write(from: Socket, to: Socket, bytes: Buffer): void {
  if (to.destroyed || to.write(bytes)) return
  from.pause()
  to.once('drain', () => from.resume())
}

function takeCut(cuts: Set<Cut>, length: number): Cut | undefined {
  for (const cut of cuts) if (length > cut.bytes && cuts.delete(cut)) return cut
  return undefined
}

function breakOff(from: Socket, to: Socket, bytes: Buffer, { done }: Cut): void {
  from.destroy()
  to.end(bytes, () => {
    to.destroy()
    done()
  })
}

/** Below the ports that systems give to outgoing connections, so that none takes it while it is cut. */
async function findPort(): Promise<number> {
  const [port = 0] = await findFreePorts([20_000 + Math.floor(Math.random() * 12_000)])
  return port
}
