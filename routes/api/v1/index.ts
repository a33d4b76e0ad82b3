import type { FastifyPluginAsync } from 'fastify'
import tokens from './tokens/index.ts'

/** The REST API: every route of it asks for a token first. */
const v1: FastifyPluginAsync = async app => {
  app.addHook('onRequest', app.authenticate)
  await app.register(tokens, { prefix: '/tokens' })
}
export default v1
