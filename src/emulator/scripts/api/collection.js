// The container as scripts see it: what can be done with its items.
(function (shared, setup) {
  "use strict";

  const { parse, stringify } = JSON;
  const { ErrorCodes, refuse, enqueue } = shared;
  const DEFAULT_PAGE = 100;

  function bad(message) {
    refuse(ErrorCodes.BadRequest, message);
  }

  function checkCount(name, args, least) {
    if (args.length < least) bad(`'${name}' takes at least ${least} arguments, not ${args.length}.`);
  }

  function withoutSlash(link) {
    return link.endsWith("/") ? link.slice(0, -1) : link;
  }

  const links = [setup.selfLink, setup.altLink].map(withoutSlash);

  function checkCollectionLink(link) {
    if (typeof link !== "string") bad(`Invalid collection link: '${link}'.`);
    if (!links.includes(withoutSlash(link))) {
      bad(`The link '${link}' does not lead to the collection that the script belongs to.`);
    }
  }

  // The last part of a link to an item of this container: its id, or its rid.
  function idOf(link) {
    if (typeof link !== "string") bad(`Invalid document link: '${link}'.`);
    const own = links.find((it) => link.startsWith(`${it}/docs/`));
    const id = own && withoutSlash(link.slice(own.length + "/docs/".length));
    if (!id || id.includes("/")) {
      bad(`The link '${link}' does not lead to a document of the collection that the script belongs to.`);
    }
    return id;
  }

  // Options may be left out where there is a callback.
  function settle(options, callback) {
    if (callback === undefined && typeof options === "function") return [{}, options];
    if (options !== undefined && typeof options !== "object") {
      bad(`The options have to be an object, not ${typeof options}.`);
    }
    if (callback !== undefined && callback !== null && typeof callback !== "function") {
      bad(`The callback has to be a function, not ${typeof callback}.`);
    }
    return [options ?? {}, callback ?? undefined];
  }
  shared.settle = settle;

  function newId() {
    const digits = (count) => Array.from({ length: count }, () => Math.floor(Math.random() * 16).toString(16)).join("");
    return [8, 4, 4, 4, 12].map(digits).join("-");
  }

  // The text of a new document, with an id if it has none.
  function textOf(body, options) {
    if (body === null || (typeof body !== "object" && typeof body !== "string")) {
      bad("The document has to be an object, or a text in JSON.");
    }
    if (options.disableAutomaticIdGeneration !== true) {
      const document = typeof body === "string" ? parse(body) : body;
      if (!document.id) return stringify({ ...document, id: newId() });
    }
    return typeof body === "string" ? body : stringify(body);
  }

  function information(reply) {
    return {
      statusCode: reply.status,
      notModified: reply.status === 304,
      currentCollectionSizeInMB: setup.usage,
      maxCollectionSizeInMB: setup.quota,
    };
  }

  // Without a callback an error ends the script.
  function finishing(callback, succeed) {
    return function (error, reply) {
      if (callback === undefined) {
        if (error !== undefined) throw error;
      } else if (error !== undefined) {
        callback(error);
      } else {
        succeed(reply);
      }
    };
  }

  function write(operation, args, callback) {
    const done = finishing(callback, (reply) => callback(undefined, reply.document, information(reply)));
    return enqueue(operation, args, done);
  }

  function feed(args, options, callback) {
    const done = finishing(callback, (reply) =>
      callback(undefined, reply.documents, { continuation: reply.continuation, ...information(reply) }),
    );
    const pageSize = options.pageSize || DEFAULT_PAGE;
    return enqueue("query", { ...args, pageSize, continuation: options.continuation || "" }, done);
  }

  const collection = {
    getSelfLink: () => setup.selfLink,
    getAltLink: () => setup.altLink,

    createDocument(link, body, options, callback) {
      checkCount("createDocument", arguments, 2);
      checkCollectionLink(link);
      [options, callback] = settle(options, callback);
      return write("create", { body: textOf(body, options), indexAction: options.indexAction }, callback);
    },

    upsertDocument(link, body, options, callback) {
      checkCount("upsertDocument", arguments, 2);
      checkCollectionLink(link);
      [options, callback] = settle(options, callback);
      const { etag, indexAction } = options;
      return write("upsert", { body: textOf(body, options), etag, indexAction }, callback);
    },

    replaceDocument(link, document, options, callback) {
      checkCount("replaceDocument", arguments, 2);
      const id = idOf(link);
      [options, callback] = settle(options, callback);
      const body = typeof document === "string" ? document : stringify(document);
      return write("replace", { id, body, etag: options.etag, indexAction: options.indexAction }, callback);
    },

    deleteDocument(link, options, callback) {
      checkCount("deleteDocument", arguments, 1);
      const id = idOf(link);
      [options, callback] = settle(options, callback);
      const done = finishing(callback, (reply) => callback(undefined, information(reply)));
      return enqueue("delete", { id, etag: options.etag }, done);
    },

    readDocument(link, options, callback) {
      checkCount("readDocument", arguments, 1);
      const id = idOf(link);
      [options, callback] = settle(options, callback);
      return write("read", { id, etag: options.ifNoneMatch }, callback);
    },

    readDocuments(link, options, callback) {
      checkCount("readDocuments", arguments, 1);
      checkCollectionLink(link);
      [options, callback] = settle(options, callback);
      return feed({}, options, callback);
    },

    queryDocuments(link, query, options, callback) {
      checkCount("queryDocuments", arguments, 2);
      checkCollectionLink(link);
      if (typeof query !== "string" && (typeof query !== "object" || query === null)) {
        bad(`The query has to be a text or an object, not ${typeof query}.`);
      }
      [options, callback] = settle(options, callback);
      const text = typeof query === "string" ? { query } : query;
      return feed({ query: text, enableScan: options.enableScan }, options, callback);
    },
  };

  shared.collection = collection;
  shared.context.getCollection = () => collection;
  const alias = Object.create(collection);
  alias.request = shared.request;
  if (shared.response !== undefined) alias.response = shared.response;
  shared.define("__", alias);
})
