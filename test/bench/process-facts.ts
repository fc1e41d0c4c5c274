/** What Linux tells of a process; NaN, or nothing, on other systems and after its end. */
import { readdir, readFile, readlink } from 'node:fs/promises'

const CLOCK_TICKS_PER_SECOND = 100

/** CPU seconds so far, user and system. */
export async function cpuSecondsOf(pid: number | undefined): Promise<number> {
  const stat = await procFile(pid, 'stat')
  // behind the program's name, which may hold anything: fields 14 and 15 are user and system
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
}

/** The most memory that it has ever had, in MiB. */
export async function peakMemoryMiBOf(pid: number | undefined): Promise<number> {
  const status = await procFile(pid, 'status')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
}

/** The process that runs in a folder. */
export async function pidWithin(folder: string): Promise<number | undefined> {
  const names = await readdir('/proc').catch(() => [])
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue
    // of others' processes it cannot be read, and some end meanwhile
    const cwd = await readlink(`/proc/${name}/cwd`).catch(() => '')
    if (cwd === folder) return Number(name)
  }
  return undefined
}

async function procFile(pid: number | undefined, name: string): Promise<string> {
  return readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
}
