import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface KeyServer {
  url: string
  /** Number of requests so far. */
  hits: number
  /** The keys in its answers; undefined: it answers with status 500. */
  keys: object[] | undefined
}

/** An issuer's JWKS endpoint. */
export async function startKeyServer(t: Test, keys: object[]): Promise<KeyServer> {
  const state: KeyServer = { url: '', hits: 0, keys }
  const server = createServer((_request, response) => {
    state.hits++
    response.statusCode = state.keys === undefined ? 500 : 200
    response.end(JSON.stringify({ keys: state.keys ?? [] }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys.json`
  return state
}
