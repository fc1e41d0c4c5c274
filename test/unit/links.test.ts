import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const LOCAL_LINK = /\]\((?![a-z]+:|#)([^)#\s]+)/g

const PAGES = globSync(['README.md', 'CONTRIBUTING.md', 'test/README.md', 'docs/*.md'])

test.each(PAGES)('every local link of %s leads to a file', (page) => {
  const links = [...readFileSync(page, 'utf8').matchAll(LOCAL_LINK)].map(([, link = '']) => link)
  expect(links).not.toEqual([])
  expect(links.filter((link) => !existsSync(join(dirname(page), link)))).toEqual([])
})
