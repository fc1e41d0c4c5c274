import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadScripts } from '../../../../src/redis/lua/scripts.ts'

const folder = new URL('../../../../src/redis/lua/', import.meta.url)

describe.each([
  ['mergeGroups', ['clock', 'merge-patches', 'merge-traits', 'merge-users', 'merge']],
  ['eraseGroup', ['clock', 'erase']],
] as const)('the files of %s', (script, names) => {
  const texts = names.map((name) => readFileSync(new URL(`${name}.lua`, folder), 'utf8'))

  test('are all in the script, in this order', () => {
    const places = texts.map((text) => loadScripts()[script]?.lua.indexOf(text) ?? -1)
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  })

  test.each(names.map((name, i) => [name, i] as const))(
    '%s.lua uses the names that it imports, and no other name that earlier files export',
    (_, i) => {
      const exported = texts.slice(0, i).flatMap((text) => namesAfter('Exports', text))
      const imported = namesAfter('Imports', texts[i] ?? '')
      expect(exported).toEqual(expect.arrayContaining(imported))
      const code = (texts[i] ?? '').replaceAll(/--.*/g, '')
      expect(exported.filter((name) => new RegExp(`\\b${name}\\b`).test(code)).sort()).toEqual(
        imported.sort(),
      )
    },
  )
})

/** The names in header lines of this kind, which may go on in the next line. */
function namesAfter(kind: 'Exports' | 'Imports', text: string): string[] {
  const lines = text.matchAll(new RegExp(`^-- ${kind}: (.*(?:\\n-- {6,}.*)*)`, 'gm'))
  return Array.from(lines, ([, names = '']) => names.replaceAll(/\([^)]*\)|^-- */gm, ''))
    .join()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
