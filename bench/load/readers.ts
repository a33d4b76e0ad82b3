import { Agent, get } from 'node:http'
import { serveCalls } from '../lib/role.ts'

export interface ReadOptions {
  port: number
  token: string
  path: string
}

export interface PageRead {
  items: unknown[]
  nextCursor: string | null
}

/** One keep-alive connection. */
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

function read({ port, token, path }: ReadOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ port, path, agent, headers: { authorization: `Bearer ${token}` } }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      response.on('end', () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`${path}: ${response.statusCode} ${body}`)),
      )
    }).on('error', reject)
  })
}

export const readers = serveCalls({
  /** Sends `times` requests one after the other; returns ms from each request to the last byte of its response. */
  async run(options: ReadOptions & { times: number }): Promise<number[]> {
    const latencies: number[] = []
    for (let i = 0; i < options.times; i++) {
      const startedAt = performance.now()
      await read(options)
      latencies.push(performance.now() - startedAt)
    }
    return latencies
  },
  async items(options: ReadOptions): Promise<number> {
    return (JSON.parse(await read(options)) as PageRead).items.length
  },
  /** The cursor after `pages` pages of 500. */
  async walk({ path, ...options }: ReadOptions & { pages: number }): Promise<string> {
    let cursor: string | null | undefined
    for (let page = 0; page < options.pages; page++) {
      const query: string = cursor === undefined ? '?limit=500' : `?limit=500&cursor=${cursor}`
      cursor = (JSON.parse(await read({ ...options, path: `${path}${query}` })) as PageRead).nextCursor
      if (cursor === null) throw new Error(`${path} ends after ${page + 1} pages`)
    }
    return cursor ?? ''
  },
})
