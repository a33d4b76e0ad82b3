import { Agent, request } from 'node:http'

export interface Answer<T> {
  status: number
  headers: Headers
  /** The parsed body if it is JSON, otherwise the text. */
  body: T
}

export interface Ask {
  /** Keeps connections to the server open. */
  agent: Agent
  method: string
  token?: string | undefined
  /** The body, sent with the JSON content type. */
  json?: string | undefined
}

/** Closes idle connections long before a server does, so that no request meets a closing connection. */
export const keepAlive = (): Agent => new Agent({ keepAlive: true, timeout: 1000 })

/** Sends a request without `fetch`, which uses several times as much CPU. */
export function ask<T>(url: string, { agent, method, token, json }: Ask): Promise<Answer<T>> {
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(json !== undefined && { 'content-type': 'application/json' }),
  }
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, method, headers }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      response.on('error', reject).on('end', () => {
        const headers = new Headers()
        for (const [name, values] of Object.entries(response.headersDistinct))
          for (const value of values ?? []) headers.append(name, value)
        const isJson = headers.get('content-type')?.startsWith('application/json')
        resolve({ status: response.statusCode!, headers, body: isJson ? JSON.parse(text) : text })
      })
    })
    asked.on('error', reject).end(json)
  })
}
