/**
 * The headers of a page of this server, as @fastify/helmet takes them. `allow` is what it loads beyond nothing: by
 * directive of the Content-Security-Policy, in camel case.
 */
export const pageHeaders = (allow: Readonly<Record<string, string[]>>) => ({
  contentSecurityPolicy: {
    // Without helmet's own, which tell browsers to upgrade requests: a server that speaks plain HTTP would be asked for
    // its scripts over TLS.
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      ...allow,
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' as const },
  // It binds the whole host, which may serve others and plain HTTP: that is for the proxy to say which has the certificate.
  strictTransportSecurity: false,
})
