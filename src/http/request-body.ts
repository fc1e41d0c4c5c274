/** Checks the media type of a request body, and unzips it. server.ts limits and parses the body. */
import type { IncomingHttpHeaders } from 'node:http'
import { MIMEType, promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { type Answer, failure } from './endpoint.ts'

const unzip = promisify(gunzip)

/**
 * Returns an error answer if the headers say that the body is not JSON in UTF-8, plain or gzipped.
 * A missing content type is fine. So is text/plain, which some programs send by default.
 */
export function rejectContent(headers: IncomingHttpHeaders): Answer | undefined {
  const type = headers['content-type']
  if (type !== undefined && !isJsonType(type)) {
    return unsupported(
      `content-type ${type} is not JSON in UTF-8: send the event with "content-type: application/json"`,
    )
  }
  const encoding = headers['content-encoding']
  if (encoding !== undefined && !isGzip(encoding) && !/^identity$/i.test(encoding)) {
    return unsupported(`content-encoding ${encoding} is not supported: use gzip, or none`, {
      'accept-encoding': 'gzip',
    })
  }
  return undefined
}

/** Returns the bytes of the event in a body, unzipped if needed. */
export async function contentOf(
  body: Buffer,
  headers: IncomingHttpHeaders,
  maxBytes: number,
): Promise<Buffer | 'too_large' | 'not_gzip'> {
  if (!isGzip(headers['content-encoding']) || body.length === 0) return body
  try {
    return await unzip(body, { maxOutputLength: maxBytes })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'not_gzip'
  }
}

function isJsonType(header: string): boolean {
  try {
    const { type, subtype, params } = new MIMEType(header)
    const isJson = subtype === 'json' || subtype.endsWith('+json')
    return (
      (isJson || (type === 'text' && subtype === 'plain')) &&
      /^utf-?8$/i.test(params.get('charset') ?? 'utf-8')
    )
  } catch {
    // the header is not a media type
    return false
  }
}

function isGzip(encoding: string | undefined): boolean {
  return encoding !== undefined && /^(x-)?gzip$/i.test(encoding)
}

function unsupported(message: string, headers?: Readonly<Record<string, string>>): Answer {
  return failure(415, 'unsupported_media_type', message, headers)
}
