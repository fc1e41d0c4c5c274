import { shorten } from '../short-text.ts'

/**
 * Returns the JSON Pointer (RFC 6901) of these steps: `traits`, `a/b` gives `/traits/a~1b`.
 * Each step is cut to a readable length.
 */
export function jsonPointer(...steps: readonly string[]): string {
  const escaped = (step: string) => step.replaceAll('~', '~0').replaceAll('/', '~1')
  return steps.map((step) => `/${escaped(shorten(step, MAX_STEP_LENGTH))}`).join('')
}

const MAX_STEP_LENGTH = 256
