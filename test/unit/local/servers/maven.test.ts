import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { downloadJars } from '../../../../src/local/servers/maven.ts'

let root = ''
let folder = ''
const reports: string[] = []
const report = (progress: string) => void reports.push(progress)

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'group-traits-test-'))
  folder = join(root, 'downloads', 'things')
  reports.length = 0
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(root, { recursive: true })
})

/** Replaces Maven by a shell script: the first `mvn` on the PATH. */
async function replaceMaven(script: string): Promise<void> {
  const bin = join(root, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'mvn'), `#!/bin/sh\n${script}\n`)
  await chmod(join(bin, 'mvn'), 0o755)
  vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`)
}

test('a download is kept and not repeated', async () => {
  await replaceMaven('echo a >a.jar')
  await downloadJars('things', ['g:a:1'], folder, { report })
  await downloadJars('things', ['g:a:1'], folder, { report })
  expect(await readdir(folder)).toContain('a.jar')
  expect(reports).toEqual(['Downloading things (once, from Maven Central)'])
})

test('a download that fails leaves no folder, and the error has the errors of Maven', async () => {
  await replaceMaven('echo a >a.jar; echo "[ERROR] no such artifact g:a:1"; exit 1')
  await expect(downloadJars('things', ['g:a:1'], folder, { report })).rejects.toThrow(
    'Maven could not download things:\n  [ERROR] no such artifact g:a:1',
  )
  expect(existsSync(folder)).toBe(false)
  expect(await readdir(join(root, 'downloads'))).toEqual([])
})

test('a download that is aborted leaves no folder', async () => {
  await replaceMaven('echo a >a.jar; exec sleep 60')
  const aborting = new AbortController()
  const download = downloadJars('things', ['g:a:1'], folder, { report, signal: aborting.signal })
  aborting.abort(new Error('enough'))
  await expect(download).rejects.toThrow('enough')
  expect(await readdir(join(root, 'downloads'))).toEqual([])
})

test('the number of downloaded files is reported', async () => {
  await replaceMaven(
    'i=0; while [ $i -lt 45 ]; do i=$((i + 1)); echo "Downloaded from central: x/$i.jar (1 kB)"; echo x; done',
  )
  await downloadJars('things', ['g:a:1'], folder, { report })
  expect(reports.slice(1)).toEqual([
    'Downloading things: 20 files so far',
    'Downloading things: 40 files so far',
  ])
})
