import { isUtf8 } from 'node:buffer'

export interface EncodedBytes {
  data: string
  encoding: 'utf8' | 'base64'
}

/** Text if the bytes are valid UTF-8, otherwise base64. */
export function encodeBytes(bytes: Uint8Array): EncodedBytes {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return isUtf8(buffer)
    ? { data: buffer.toString('utf8'), encoding: 'utf8' }
    : { data: buffer.toString('base64'), encoding: 'base64' }
}

export const decodeBytes = ({ data, encoding }: EncodedBytes): Uint8Array => Buffer.from(data, encoding)
