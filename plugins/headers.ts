import fp from 'fastify-plugin'
import { answerHeaders } from '../src/raw-answer.ts'

/** Default headers. Routes decide for themselves what may be cached and what their pages may load. */
export default fp(
  async app => {
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(answerHeaders)
      done()
    })
  },
  { name: 'fleetwire-headers' },
)
