import fp from 'fastify-plugin'
import { answerHeaders } from '../src/raw-answer.ts'

/** What may be kept, and what pages may load, they say themselves. */
export default fp(
  async app => {
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(answerHeaders)
      done()
    })
  },
  { name: 'fleetwire-headers' },
)
