// Starts the API reference page. A file of its own, as the page's content
// security policy allows no inline script. Whatever would talk to anyone but
// this server is off; the policy would stop it too.

// Zod, within scalar.js, tries out whether it may compile code, which the
// policy refuses and reports; this tells it not to try. So this file comes
// before scalar.js.
globalThis.__zod_globalConfig = { jitless: true };

// The policy allows the <style> elements that have the page's nonce. scalar.js
// gives it to one of its own; this gives it to the others.
const nonce = document.querySelector('meta[property=csp-nonce]').content;
const createElement = document.createElement;
document.createElement = function (...args) {
  const element = createElement.apply(this, args);
  if (element.localName === 'style') {
    element.nonce = nonce;
  }
  return element;
};

document.addEventListener('DOMContentLoaded', () => {
  Scalar.createApiReference('#reference', {
    url: '/openapi.yaml',
    // Requests from this page go to the server that sent it, not to the
    // document's example address, which the policy would refuse.
    servers: [{ url: window.location.origin, description: 'This server' }],

    telemetry: false,
    agent: { disabled: true },
    mcp: { disabled: true },
    proxyUrl: '',
    externalUrls: { dashboardUrl: '', registryUrl: '', proxyUrl: '', apiBaseUrl: '' },
    hideClientButton: true,
    showDeveloperTools: 'never',
    withDefaultFonts: false,
    persistAuth: false,

    // The document's order is the answer's order.
    orderSchemaPropertiesBy: 'preserve',
    orderRequiredPropertiesFirst: false,
    expandAllSchemaProperties: true,
    defaultOpenAllTags: true,
    documentDownloadType: 'direct',
    modelsSectionLabel: 'Schemas',
    defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
    authentication: { preferredSecurityScheme: 'apiKey' },
  });
});
