// An oidc-provider on a port of loopback, with its development login pages.
// Arguments: PORT CLIENTS, which is a JSON array of client metadata. Ends with an interrupt.
import { generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import Provider from 'oidc-provider';

const [port, clients] = process.argv.slice(-2);
const key = (alg, ...kind) => ({ ...generateKeyPairSync(...kind).privateKey.export({ format: 'jwk' }), alg, use: 'sig' });
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: JSON.parse(clients),
  jwks: { keys: [key('RS256', 'rsa', { modulusLength: 2048 }), key('ES256', 'ec', { namedCurve: 'P-256' })] },
  features: {
    backchannelLogout: { enabled: true },
    jwtUserinfo: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // Its own dispatcher refuses to send anything to loopback.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: true, name: 'Ada' }),
  }),
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  pkce: { required: () => true },
  cookies: { keys: ['for tests only'] },
});
http.createServer(provider.callback()).listen(Number(port), '127.0.0.1');
process.on('SIGINT', () => process.exit(0));
