/**
 * Loads the internals of kafkajs that the amendments replace, and checks first that they are what
 * the amendments were written for. No other version has ever been tried with them.
 */
import { createRequire } from 'node:module'
import { NotRetriable } from '../../pipeline/errors.ts'

export const KAFKAJS_VERSION = '2.2.4'

/** Loads a CommonJS module by its name. Tests pass their own. */
export type Load = (name: string) => unknown

/** Loads the same instances of the modules as `require('kafkajs')` does. */
export const loadModule: Load = createRequire(import.meta.url)

/** A number: a function with that many parameters. */
export type Shape = Readonly<Record<string, number | 'array' | 'number'>>

/** @throws NotRetriable if another version is installed */
export function assertVersion(load: Load): void {
  const { version } = load('kafkajs/package.json') as { version?: unknown }
  if (version === KAFKAJS_VERSION) return
  throw new NotRetriable(
    'kafka',
    `kafkajs ${version} is installed, but only kafkajs ${KAFKAJS_VERSION} will do, as parts of ` +
      'it are replaced at run time. Install the locked version with `npm ci`. To change the ' +
      'version, go through src/kafka/amendments first',
  )
}

/**
 * Loads a module of kafkajs.
 *
 * @param path below kafkajs/src
 * @throws NotRetriable if its exports do not have that shape
 */
export function loadPart<Part>(load: Load, path: string, shape: Shape): Part {
  const part = load(`kafkajs/src/${path}`)
  assertShape(part, path, shape)
  return part as Part
}

/**
 * Loads the prototype of a class of kafkajs: what is set on it holds for all instances.
 *
 * @param path of the class below kafkajs/src
 * @throws NotRetriable if it has no methods of that shape
 */
export function loadPrototype<Prototype>(load: Load, path: string, methods: Shape): Prototype {
  const { prototype } = load(`kafkajs/src/${path}`) as { prototype?: unknown }
  assertShape(prototype, path, methods)
  return prototype as Prototype
}

function assertShape(part: unknown, path: string, shape: Shape): void {
  for (const [name, expected] of Object.entries(shape)) {
    const value = (part as Readonly<Record<string, unknown>> | undefined)?.[name]
    if (isOfShape(value, expected)) continue
    const wanted =
      typeof expected === 'number'
        ? `a function with ${expected} parameters`
        : `of type ${expected}`
    throw new NotRetriable(
      'kafka',
      `kafkajs ${KAFKAJS_VERSION} is installed, but its src/${path} was changed: ${name} is not ` +
        `${wanted}. Install the package unchanged with \`npm ci\`. If the change is wanted, adapt ` +
        'src/kafka/amendments to it',
    )
  }
}

function isOfShape(value: unknown, expected: Shape[string]): boolean {
  if (expected === 'array') return Array.isArray(value)
  if (expected === 'number') return typeof value === 'number'
  return typeof value === 'function' && value.length === expected
}
