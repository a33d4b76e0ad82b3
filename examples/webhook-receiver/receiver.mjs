// A receiver of Fleetwire's webhooks in plain Node.js, without packages: it verifies each delivery, responds at once, and
// prints every event once, as one line of JSON.
//
//   WEBHOOK_SECRET=whsec_… node receiver.mjs          (PORT, default 8080; HOST, default 127.0.0.1)

import { createHmac, timingSafeEqual } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'

// During a rotation, this may be both secrets, separated by a comma.
const secrets = (process.env.WEBHOOK_SECRET ?? '').split(',').filter(Boolean)
if (secrets.length === 0) {
  console.error('WEBHOOK_SECRET is not set: use the secret that was returned when the webhook was created (whsec_…).')
  process.exit(1)
}
const keys = secrets.map(secret => Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))

// Handled deliveries, so that a delivery that arrives twice is handled once. With a database, record this in the same
// transaction as the work itself.
const SEEN = process.env.SEEN_FILE ?? 'seen.txt'
const seen = new Set(existsSync(SEEN) ? readFileSync(SEEN, 'utf8').split('\n') : [])

const MAX_BYTES = 1024 * 1024
/** Older deliveries are refused, to prevent replay attacks. */
const TOLERANCE_SECONDS = 300

function isGenuine(headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers
  if (!id || !timestamp || !signatures) return false
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS)) return false
  const expected = keys.map(key => createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest())
  return signatures.split(' ').some(signature => {
    const [version, value = ''] = signature.split(',')
    const given = Buffer.from(value, 'base64')
    return version === 'v1' && expected.some(mac => mac.length === given.length && timingSafeEqual(mac, given))
  })
}

async function read(request) {
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const server = createServer(async (request, response) => {
  const answer = (status, text) => response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`)
  try {
    if (request.method !== 'POST') return answer(405, 'POST only')
    const body = await read(request)
    if (body === undefined) return answer(413, 'too large')
    if (!isGenuine(request.headers, body)) return answer(401, 'invalid signature')
    const id = request.headers['webhook-id']
    if (!seen.has(id)) {
      const event = JSON.parse(body)
      // Do the work here. Put long work into a queue: the sender waits 15 s for the response.
      console.log(JSON.stringify(event))
      appendFileSync(SEEN, `${id}\n`)
      seen.add(id)
    }
    answer(200, 'thanks')
  } catch (error) {
    console.error(error)
    // The delivery will be retried later.
    if (!response.headersSent) answer(500, 'failed')
  }
})

server.listen(Number(process.env.PORT ?? 8080), process.env.HOST ?? '127.0.0.1', () => {
  const { address, port } = server.address()
  console.error(`waiting for webhooks at http://${address}:${port}/`)
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.close())
