/** Downloads from Maven Central, or from the mirror that Maven is configured with. */

import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runCommand } from './run-command.ts'
import { StackFailed } from './stack-failed.ts'

/** `group:artifact:version`. */
export type Coordinates = `${string}:${string}:${string}`

export interface DownloadOptions {
  /** Called with a short text on the progress. */
  readonly report: (progress: string) => void
  /** Aborts the work: what was started is stopped. */
  readonly signal?: AbortSignal | undefined
}

const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

export async function isMavenInstalled(): Promise<boolean> {
  return (await runCommand('mvn', ['--version'], { timeoutMs: 20_000 })).code === 0
}

/**
 * Downloads artifacts with all their dependencies into the folder, unless the folder exists.
 *
 * @throws StackFailed, with the errors of Maven
 */
export async function downloadJars(
  title: string,
  artifacts: readonly Coordinates[],
  folder: string,
  options: DownloadOptions,
): Promise<void> {
  await downloadOnce(title, folder, options, async (partial) => {
    const project = join(partial, 'pom.xml')
    await writeFile(project, projectOf(artifacts))
    return [
      '--file',
      project,
      `${plugin}:copy-dependencies`,
      `-DoutputDirectory=${partial}`,
      '-DincludeScope=runtime',
    ]
  })
}

/**
 * Downloads an artifact (a zip) and unpacks the files that match the pattern into the folder,
 * unless the folder exists.
 *
 * @throws StackFailed, with the errors of Maven
 */
export async function downloadFiles(
  title: string,
  artifact: Coordinates,
  pattern: string,
  folder: string,
  options: DownloadOptions,
): Promise<void> {
  await downloadOnce(title, folder, options, async (partial) => [
    `${plugin}:unpack`,
    `-Dartifact=${artifact}`,
    `-Dmdep.unpack.includes=${pattern}`,
    `-DoutputDirectory=${partial}`,
  ])
}

/** Downloads under another name and renames the folder when done: never half a download. */
async function downloadOnce(
  title: string,
  folder: string,
  { report, signal }: DownloadOptions,
  mavenArgs: (partial: string) => Promise<string[]>,
): Promise<void> {
  if (existsSync(folder)) return
  report(`Downloading ${title} (once, from Maven Central)`)
  const partial = join(dirname(folder), `.partial-${randomUUID()}`)
  await mkdir(partial, { recursive: true })
  try {
    let jars = 0
    const args = ['--batch-mode', '-Dstyle.color=never', ...(await mavenArgs(partial))]
    const { code, output } = await runCommand('mvn', args, {
      cwd: partial,
      signal,
      onLine(line) {
        if (!/^(\[INFO\] )?Downloaded .*\.jar /.test(line)) return
        jars += 1
        if (jars % 20 === 0) report(`Downloading ${title}: ${jars} files so far`)
      },
    })
    if (code !== 0) throw new StackFailed(`Maven could not download ${title}:\n${errorsOf(output)}`)
    await rename(partial, folder)
  } catch (error) {
    // another start may have renamed its download to this folder first: then ours is not needed
    if (!existsSync(folder)) throw error
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

function projectOf(artifacts: readonly Coordinates[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':')
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`
  })
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>downloads</artifactId><version>1</version>
<dependencies>
${dependencies.join('\n')}
</dependencies>
</project>
`
}

function errorsOf(output: string): string {
  const lines = output.trimEnd().split('\n')
  const errors = lines.filter((line) => line.startsWith('[ERROR]'))
  return (errors.length > 0 ? errors.slice(0, 8) : lines.slice(-8))
    .map((line) => `  ${line}`)
    .join('\n')
}
