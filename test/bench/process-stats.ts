/** Reads /proc of Linux. On other systems, and after the process has ended: NaN or undefined. */
import { readdir, readFile, readlink } from 'node:fs/promises'

const CLOCK_TICKS_PER_SECOND = 100

/** Returns the CPU seconds of a process so far, user and system. */
export async function cpuSecondsOf(pid: number | undefined): Promise<number> {
  const stat = await procFile(pid, 'stat')
  // after the program's name, which may contain blanks; fields 14 and 15 are user and system time
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
}

/** Returns the peak resident memory of a process, in MiB. */
export async function peakMemoryMiBOf(pid: number | undefined): Promise<number> {
  const status = await procFile(pid, 'status')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
}

/** Finds the process whose working directory is this folder. */
export async function pidWithin(folder: string): Promise<number | undefined> {
  const names = await readdir('/proc').catch(() => [])
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue
    // the link of other users' processes cannot be read, and some processes end meanwhile
    const cwd = await readlink(`/proc/${name}/cwd`).catch(() => '')
    if (cwd === folder) return Number(name)
  }
  return undefined
}

async function procFile(pid: number | undefined, name: string): Promise<string> {
  return readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
}
