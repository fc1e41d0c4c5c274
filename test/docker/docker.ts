import { resolve } from 'node:path'
import { runCommand } from '../../src/local/servers/run-command.ts'

/** The root of the checkout. */
export const root = resolve(import.meta.dirname, '../..')

/** Runs a docker command in the checkout; resolves with its output. @throws with the output if it fails */
export async function docker(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { cwd: root, env: { ...process.env, ...env } }
  const { code, output } = await runCommand('docker', args, options)
  if (code !== 0) throw new Error(`docker ${args.join(' ')} failed:\n${output}`)
  return output
}
