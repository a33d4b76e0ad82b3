/**
 * The headers of a page of this server, as options of @fastify/helmet. `allow`: what the page may load, by directive of
 * the Content-Security-Policy in camel case; by default it may load nothing.
 */
export const pageHeaders = (allow: Readonly<Record<string, string[]>>) => ({
  contentSecurityPolicy: {
    // helmet's defaults make browsers upgrade requests: they would request the scripts of a plain-HTTP server over TLS.
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
  // HSTS would apply to the whole host, which may also serve other things over plain HTTP. The proxy that terminates
  // TLS should set it.
  strictTransportSecurity: false,
})
