import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { LoginBody, LoginCode, LoginToken } from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { unavailable } from '../../../../src/outcome.ts'
import { callerOf } from '../../../caller.ts'
import { mintedElsewhere } from './answers.ts'

const login: FastifyPluginAsyncTypebox = async app => {
  app.post(
    '/codes',
    {
      schema: {
        tags: ['tokens'],
        summary: 'Create a code for one login in a browser, with the rights of the caller',
        description: 'Valid once, for ten minutes. The resulting token lives no longer than the caller’s.',
        refusals: ['conflict'],
        response: { 201: LoginCode },
      },
    },
    async (request, reply) => {
      const result = await app.loginCodes.create(request.principal, callerOf(request).actor)
      switch (result.status) {
        case 'made':
          return reply.code(201).send({ code: result.code, expiresAt: result.expiresAt })
        case 'disabled':
          return reply.refuse(mintedElsewhere)
        case 'unavailable':
          return reply.refuse(unavailable(result))
      }
    },
  )

  app.post(
    '',
    {
      schema: {
        tags: ['tokens'],
        summary: 'Log in with a code',
        security: [],
        body: LoginBody,
        refusals: ['unauthorized', 'unavailable'],
        response: { 200: LoginToken },
      },
    },
    async (request, reply) => {
      const result = await app.loginCodes.redeem(request.body.code, app.addressOf(request))
      switch (result.status) {
        case 'minted':
          return { token: result.token, expiresAt: result.expiresAt }
        case 'refused':
          return reply.refuse(app.countFalse(request, result.refusal))
        case 'unavailable':
          return reply.refuse(unavailable(result))
      }
    },
  )
}
export default fp(login, { name: 'fleetwire-routes-api-tokens-login', encapsulate: true })
