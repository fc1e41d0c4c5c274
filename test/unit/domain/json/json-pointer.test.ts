import { describe, expect, test } from 'vitest'
import { jsonPointer } from '../../../../src/domain/json/json-pointer.ts'

describe('a JSON Pointer', () => {
  test('escapes ~ and /, and nothing else', () => {
    expect(jsonPointer()).toBe('')
    expect(jsonPointer('')).toBe('/')
    expect(jsonPointer('a', 'b')).toBe('/a/b')
    expect(jsonPointer('~/', '~1')).toBe('/~0~1/~01')
    expect(jsonPointer('é "\\')).toBe('/é "\\')
  })

  test('has long steps cut', () => {
    expect(jsonPointer('x'.repeat(256))).toBe(`/${'x'.repeat(256)}`)
    expect(jsonPointer('x'.repeat(257), 'y')).toBe(`/${'x'.repeat(256)}…/y`)
  })
})
