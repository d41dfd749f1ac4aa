// An oidc-provider on a free port of loopback, with one client and its development login pages.
// Usage: node provider.mjs REDIRECT_URI BACKCHANNEL_LOGOUT_URI CLIENT_AUTHENTICATION. Prints {"issuer": ...} when it listens, and ends with stdin.
import http from 'node:http';
import Provider from 'oidc-provider';

const [redirectURI, logoutURI, authentication] = process.argv.slice(2);
const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'client',
      client_secret: 'a-client-secret-for-tests-only',
      redirect_uris: [redirectURI],
      token_endpoint_auth_method: authentication,
      backchannel_logout_uri: logoutURI,
      backchannel_logout_session_required: true,
    }],
    features: { backchannelLogout: { enabled: true } },
    // Its own dispatcher refuses to send anything to loopback.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@acme.example`, email_verified: true, name: id }),
    }),
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    pkce: { required: () => true },
    cookies: { keys: ['for tests only'] },
  });
  server.on('request', provider.callback());
  console.log(JSON.stringify({ issuer }));
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
