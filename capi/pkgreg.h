/* pkgreg: a registry of container images and DC/OS packages, as a library. The C interface.
 *
 * Conventions that hold everywhere:
 *
 * - Names. Everything begins with `pkgreg_` or `PKGREG_`.
 * - Texts are UTF-8 with an explicit length in bytes; `PKGREG_NUL` as the length means that a NUL
 *   ends the text. A null pointer stands for a text that is not given, where that is allowed. What
 *   the library returns as text ends with a NUL beyond its length.
 * - Errors. A function that can fail returns `int32_t`: `PKGREG_OK` (0) or the code of what went
 *   wrong. Its last parameter, `error`, may be null; else, on failure, it receives an error that
 *   the caller frees by `pkgreg_error_free`. It need not be set before, and is set to null on
 *   success. On failure no other result is written, but that a handle to be returned becomes null.
 * - Structs begin with `struct_size`, which the caller sets to `sizeof` the struct, zeroing the
 *   rest. Later versions add fields at the end; what a caller does not know keeps its default.
 * - Options are JSON documents, so that they can grow; a null pointer stands for the defaults.
 * - Handles are opaque. Whoever receives one frees it by the function named after it; null is
 *   allowed there. A handle's function must not run when it is freed (but `pkgreg_close` may be
 *   called at any time).
 * - Threads. Every function may be called from any thread, any number at once. Calls that read from
 *   or write to one handle with a position (reader, response, upload) are done one after the other.
 * - Callbacks run on the caller's thread or on one of the library's. A function that would wait
 *   fails with `PKGREG_WOULD_DEADLOCK` when it is called from a log or progress callback, or on a
 *   thread of the library's. A `pkgreg_read_fn` runs on the thread of the call that it was passed
 *   to, and may call the library. A callback must return (not throw, not jump).
 * - Fork. In a forked child every function that can fail answers `PKGREG_FORKED` for what was made
 *   before, and freeing does nothing; the parent and its lock on a directory are not disturbed. Open
 *   anew in the child.
 * - Closing. When a registry is closed, what was made from it (readers, uploads, responses,
 *   servers) stays valid to be called and freed, and answers `PKGREG_CLOSED`. What lies in memory
 *   already (a response's view, a manifest, a list) can still be read.
 * - The process. The library sets no signal handler, no locale, no umask, and never ends the
 *   process. Its threads block all signals; no call raises SIGPIPE.
 *
 * README.md beside this file says how the interface may change.
 */
#ifndef PKGREG_H
#define PKGREG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(PKGREG_BUILDING_LIBRARY)
#define PKGREG_API __attribute__((visibility("default")))
#else
#define PKGREG_API
#endif

/* The length of a text that a NUL ends. */
#define PKGREG_NUL ((size_t)-1)

/* ---- Codes ------------------------------------------------------------------------------------ */

/* What a function returns. A value is never reused; treat one that you do not know as a failure.
 * The first block has the codes of the OCI distribution specification ("Error Codes"). */
enum {
    PKGREG_OK = 0,
    PKGREG_BLOB_UNKNOWN = 1,
    PKGREG_BLOB_UPLOAD_INVALID = 2,
    PKGREG_BLOB_UPLOAD_UNKNOWN = 3,
    PKGREG_DIGEST_INVALID = 4,
    PKGREG_MANIFEST_BLOB_UNKNOWN = 5,
    PKGREG_MANIFEST_INVALID = 6,
    PKGREG_MANIFEST_UNKNOWN = 7,
    PKGREG_NAME_INVALID = 8,
    PKGREG_NAME_UNKNOWN = 9,
    PKGREG_SIZE_INVALID = 10,
    PKGREG_UNAUTHORIZED = 11,
    PKGREG_DENIED = 12,
    PKGREG_UNSUPPORTED = 13,
    PKGREG_TOO_MANY_REQUESTS = 14,

    PKGREG_INVALID_ARGUMENT = 100,
    PKGREG_INVALID_OPTIONS = 101,
    PKGREG_NOT_FOUND = 102,
    PKGREG_PRECONDITION_FAILED = 103,
    PKGREG_RANGE_INVALID = 104,
    PKGREG_TOO_LARGE = 105,
    PKGREG_LOCKED = 106,
    PKGREG_CORRUPT = 107,
    PKGREG_INCOMPATIBLE = 108,
    PKGREG_IO = 109,
    PKGREG_NO_SPACE = 110,
    PKGREG_TIMEOUT = 111,
    PKGREG_CLOSED = 112,
    PKGREG_CANCELLED = 113,
    PKGREG_UNAVAILABLE = 114,
    PKGREG_WOULD_DEADLOCK = 115,
    PKGREG_FORKED = 116,
    PKGREG_READ_ONLY = 117,
    PKGREG_TRUNCATED = 118,
    PKGREG_MALFORMED = 119,
    PKGREG_IN_USE = 120,
    PKGREG_PACKAGE_UNKNOWN = 121,
    PKGREG_PACKAGE_EXISTS = 122,
    PKGREG_OUT_OF_MEMORY = 198,
    PKGREG_INTERNAL = 199
};

/* The name of a code as it stands in a protocol's error body, such as "BLOB_UNKNOWN"; "UNKNOWN" for
 * a value that this version does not have. Lives for ever. */
PKGREG_API const char *pkgreg_code_name(int32_t code);

/* ---- Library ---------------------------------------------------------------------------------- */

/* The version of the library that is running, such as "1.0.0". Lives for ever. */
PKGREG_API const char *pkgreg_version(void);

/* ---- Errors ----------------------------------------------------------------------------------- */

typedef struct pkgreg_error pkgreg_error;

PKGREG_API int32_t pkgreg_error_code(const pkgreg_error *error);
/* What happened, to which thing, and what to do about it; no secret is in it. Lives as long as the
 * error. */
PKGREG_API const char *pkgreg_error_message(const pkgreg_error *error);
/* A JSON value that tells a program which thing the error is about; empty where there is none. */
PKGREG_API const char *pkgreg_error_detail(const pkgreg_error *error);
/* The HTTP status that the registry's protocols answer with for such an error. */
PKGREG_API int32_t pkgreg_error_http_status(const pkgreg_error *error);
PKGREG_API void pkgreg_error_free(pkgreg_error *error);

/* ---- Texts and lists -------------------------------------------------------------------------- */

/* Bytes that the caller frees: a document, an identifier. */
typedef struct pkgreg_text pkgreg_text;

/* The bytes, with a NUL behind the last one; live as long as the text. `size` may be null. */
PKGREG_API const char *pkgreg_text_data(const pkgreg_text *text, size_t *size);
PKGREG_API void pkgreg_text_free(pkgreg_text *text);

/* One page of names or of JSON objects. */
typedef struct pkgreg_list pkgreg_list;

PKGREG_API size_t pkgreg_list_count(const pkgreg_list *list);
/* The item, or null when there is none of that number; lives as long as the list. `size` may be
 * null. */
PKGREG_API const char *pkgreg_list_item(const pkgreg_list *list, size_t number, size_t *size);
/* What to pass as `last` for the page behind this one; null when there is none. */
PKGREG_API const char *pkgreg_list_next(const pkgreg_list *list, size_t *size);
PKGREG_API void pkgreg_list_free(pkgreg_list *list);

/* ---- Registry --------------------------------------------------------------------------------- */

typedef struct pkgreg_registry pkgreg_registry;
#ifndef __cplusplus
/* The short name. In C++ it is the namespace of the C++ library, which may be used beside this. */
typedef pkgreg_registry pkgreg;
#endif

/* Opens the registry that a storage holds, or makes a new one in an empty storage.
 *
 * storage: a directory, "memory:", or "s3://bucket/path?endpoint=https://…"; null: as the options
 *          say.
 * options: the JSON document of the program's `--options`, that of the DC/OS package registry
 *          included; null: defaults. What concerns the program alone (addresses, logs) is checked
 *          and not used here, but by `pkgreg_serve`.
 *
 * The same directory can be opened once at a time, in this process or another: PKGREG_LOCKED. */
PKGREG_API int32_t pkgreg_open(const char *storage, size_t storage_length, const char *options,
                               size_t options_length, pkgreg_registry **registry,
                               pkgreg_error **error);

/* Closes a registry and nulls the caller's pointer. Calls that run are waited for, after transfers
 * of its servers were cut off; calls that come later, through whatever copy of the pointer, answer
 * PKGREG_CLOSED. When it returns the storage is released: a directory can be opened again. A null
 * pointer, or a pointer to one, is allowed. Called where it would have to wait for itself (from a
 * callback), it closes nothing and returns PKGREG_WOULD_DEADLOCK. */
PKGREG_API int32_t pkgreg_close(pkgreg_registry **registry);

/* Severities of a log line. */
enum { PKGREG_LOG_DEBUG = 0, PKGREG_LOG_INFO = 1, PKGREG_LOG_WARNING = 2, PKGREG_LOG_ERROR = 3 };

/* Receives one line without a line break. May run on several threads at once. */
typedef void (*pkgreg_log_fn)(void *user, int32_t level, const char *message, size_t length);

/* Sets where the registry tells what it does; null: nowhere. Returns when the function that was set
 * before runs no more. Lines of the opening itself reach nobody unless they end in an error. */
PKGREG_API int32_t pkgreg_set_log(pkgreg_registry *registry, pkgreg_log_fn log, void *user,
                                  pkgreg_error **error);

/* How far a long call is. */
typedef struct pkgreg_progress {
    size_t struct_size;
    const char *operation;   /* "pull", "push", "add package" */
    const char *subject;     /* what it is about: a digest, a file */
    uint64_t done;           /* bytes so far */
    uint64_t total;          /* bytes in all; UINT64_MAX: not known */
} pkgreg_progress;

/* Told from time to time by calls that move much. Anything but 0 stops the call, which fails with
 * PKGREG_CANCELLED. */
typedef int32_t (*pkgreg_progress_fn)(void *user, const pkgreg_progress *progress);

/* Sets who is told of progress, as `pkgreg_set_log` does. */
PKGREG_API int32_t pkgreg_set_progress(pkgreg_registry *registry, pkgreg_progress_fn progress,
                                       void *user, pkgreg_error **error);

/* ---- Blobs ------------------------------------------------------------------------------------ */

/* Room for the longest digest ("sha512:" and 128 digits) and a NUL. */
#define PKGREG_DIGEST_SIZE 136

typedef struct pkgreg_blob_info {
    size_t struct_size;
    uint64_t size;                     /* bytes */
    char digest[PKGREG_DIGEST_SIZE];   /* ends with a NUL */
} pkgreg_blob_info;

/* PKGREG_BLOB_UNKNOWN where the repository does not serve the blob. */
PKGREG_API int32_t pkgreg_blob_stat(pkgreg_registry *registry, const char *repository,
                                    size_t repository_length, const char *digest,
                                    size_t digest_length, pkgreg_blob_info *info,
                                    pkgreg_error **error);

/* Reads an object from front to back. */
typedef struct pkgreg_reader pkgreg_reader;

/* Opens a blob from `offset` on, `length` bytes of it (UINT64_MAX: to its end). PKGREG_BLOB_UNKNOWN;
 * PKGREG_RANGE_INVALID where it has no byte at `offset` (but an empty blob can be opened at 0). */
PKGREG_API int32_t pkgreg_blob_open(pkgreg_registry *registry, const char *repository,
                                    size_t repository_length, const char *digest,
                                    size_t digest_length, uint64_t offset, uint64_t length,
                                    pkgreg_reader **reader, pkgreg_error **error);
/* How many bytes the reader gives in all, from where it was opened. */
PKGREG_API uint64_t pkgreg_reader_length(const pkgreg_reader *reader);
/* Size of the whole object in bytes. */
PKGREG_API uint64_t pkgreg_reader_object_size(const pkgreg_reader *reader);
/* Reads the next bytes, at most `size`; `*got` is 0 only at the end (or when `size` is). */
PKGREG_API int32_t pkgreg_reader_read(pkgreg_reader *reader, void *into, size_t size, size_t *got,
                                      pkgreg_error **error);
PKGREG_API void pkgreg_reader_free(pkgreg_reader *reader);

/* Lets `repository` serve a blob that `from` serves; null: that any repository does.
 * PKGREG_BLOB_UNKNOWN. `info` may be null. */
PKGREG_API int32_t pkgreg_blob_mount(pkgreg_registry *registry, const char *repository,
                                     size_t repository_length, const char *digest,
                                     size_t digest_length, const char *from, size_t from_length,
                                     pkgreg_blob_info *info, pkgreg_error **error);
PKGREG_API int32_t pkgreg_blob_delete(pkgreg_registry *registry, const char *repository,
                                      size_t repository_length, const char *digest,
                                      size_t digest_length, pkgreg_error **error);

/* Gives bytes to a call that takes a stream: writes at most `size` of them to `into` and tells in
 * `*got` how many, 0 only at the end. Anything but PKGREG_OK ends the call, which fails with
 * PKGREG_CANCELLED. */
typedef int32_t (*pkgreg_read_fn)(void *user, void *into, size_t size, size_t *got);

/* Stores a blob that lies in memory; nothing is kept of the pointer. digest: what it must hash to,
 * else PKGREG_DIGEST_INVALID; null: its SHA-256 is taken. `info` may be null. */
PKGREG_API int32_t pkgreg_blob_put(pkgreg_registry *registry, const char *repository,
                                   size_t repository_length, const char *digest,
                                   size_t digest_length, const void *bytes, size_t size,
                                   pkgreg_blob_info *info, pkgreg_error **error);

/* A blob that is on its way in. It is known by its id to every protocol and instance of the
 * registry, and stays when the handle is freed: it can be resumed until it expires. */
typedef struct pkgreg_upload pkgreg_upload;

/* algorithm: "sha256" (also for null) or "sha512": what the blob will be named by. */
PKGREG_API int32_t pkgreg_upload_begin(pkgreg_registry *registry, const char *repository,
                                       size_t repository_length, const char *algorithm,
                                       size_t algorithm_length, pkgreg_upload **upload,
                                       pkgreg_error **error);
/* Goes on with an upload of that id. PKGREG_BLOB_UPLOAD_UNKNOWN. */
PKGREG_API int32_t pkgreg_upload_resume(pkgreg_registry *registry, const char *repository,
                                        size_t repository_length, const char *id, size_t id_length,
                                        pkgreg_upload **upload, pkgreg_error **error);
/* The id, and how many bytes have come. `id` and `offset` may be null; the caller frees `*id`. On a
 * storage that instances share the id changes with each append. */
PKGREG_API int32_t pkgreg_upload_status(pkgreg_upload *upload, pkgreg_text **id, uint64_t *offset,
                                        pkgreg_error **error);
/* Appends bytes. Each append is made to last, so few large ones cost less than many small. */
PKGREG_API int32_t pkgreg_upload_append(pkgreg_upload *upload, const void *bytes, size_t size,
                                        pkgreg_error **error);
/* Appends all that `read` gives, straight into the buffers it is hashed and written from. What came
 * before a failure stays; `pkgreg_upload_status` tells how much. */
PKGREG_API int32_t pkgreg_upload_append_stream(pkgreg_upload *upload, pkgreg_read_fn read,
                                               void *user, pkgreg_error **error);
/* Appends `length` bytes (UINT64_MAX: all) of an open file from `offset` on. The descriptor stays
 * the caller's, and its position where it is. */
PKGREG_API int32_t pkgreg_upload_append_file(pkgreg_upload *upload, int fd, uint64_t offset,
                                             uint64_t length, pkgreg_error **error);
/* Makes the upload a blob of its repository, durable when the call returns. digest: what it must
 * hash to, else PKGREG_DIGEST_INVALID, and the upload is given up; null: whatever it hashes to.
 * `info` may be null. The handle can only be freed afterwards. */
PKGREG_API int32_t pkgreg_upload_commit(pkgreg_upload *upload, const char *digest,
                                        size_t digest_length, pkgreg_blob_info *info,
                                        pkgreg_error **error);
/* Gives the upload up. The handle can only be freed afterwards. */
PKGREG_API int32_t pkgreg_upload_abort(pkgreg_upload *upload, pkgreg_error **error);
PKGREG_API void pkgreg_upload_free(pkgreg_upload *upload);

/* ---- Manifests, tags, referrers --------------------------------------------------------------- */

typedef struct pkgreg_manifest pkgreg_manifest;

/* reference: a tag or a digest. PKGREG_MANIFEST_UNKNOWN. */
PKGREG_API int32_t pkgreg_manifest_get(pkgreg_registry *registry, const char *repository,
                                       size_t repository_length, const char *reference,
                                       size_t reference_length, pkgreg_manifest **manifest,
                                       pkgreg_error **error);
/* These live as long as the manifest; `size` may be null. */
PKGREG_API const char *pkgreg_manifest_digest(const pkgreg_manifest *manifest, size_t *size);
PKGREG_API const char *pkgreg_manifest_media_type(const pkgreg_manifest *manifest, size_t *size);
/* The bytes as they were pushed; a NUL does not follow. */
PKGREG_API const void *pkgreg_manifest_bytes(const pkgreg_manifest *manifest, size_t *size);
PKGREG_API void pkgreg_manifest_free(pkgreg_manifest *manifest);

/* Stores a manifest and, where `reference` is a tag, points it there. reference null: by its SHA-256
 * alone. media_type null: the one that the manifest names. digest: room for PKGREG_DIGEST_SIZE
 * bytes that receive the manifest's digest; may be null. */
PKGREG_API int32_t pkgreg_manifest_put(pkgreg_registry *registry, const char *repository,
                                       size_t repository_length, const char *reference,
                                       size_t reference_length, const char *media_type,
                                       size_t media_type_length, const void *bytes, size_t size,
                                       char *digest, pkgreg_error **error);
/* Removes a tag, or a manifest with all its tags. */
PKGREG_API int32_t pkgreg_manifest_delete(pkgreg_registry *registry, const char *repository,
                                          size_t repository_length, const char *reference,
                                          size_t reference_length, pkgreg_error **error);
PKGREG_API int32_t pkgreg_repository_delete(pkgreg_registry *registry, const char *repository,
                                            size_t repository_length, pkgreg_error **error);

/* Lists are in byte order. last: the item behind which to go on, as `pkgreg_list_next` gave it;
 * null: from the beginning. limit: items at most, 1 to 1,000. */
PKGREG_API int32_t pkgreg_repositories(pkgreg_registry *registry, const char *last,
                                       size_t last_length, size_t limit, pkgreg_list **list,
                                       pkgreg_error **error);
PKGREG_API int32_t pkgreg_tags(pkgreg_registry *registry, const char *repository,
                               size_t repository_length, const char *last, size_t last_length,
                               size_t limit, pkgreg_list **list, pkgreg_error **error);
/* Descriptors, as JSON objects, of the manifests whose subject is `digest`. artifact_type: only those
 * of this type; null: all. */
PKGREG_API int32_t pkgreg_referrers(pkgreg_registry *registry, const char *repository,
                                    size_t repository_length, const char *digest,
                                    size_t digest_length, const char *artifact_type,
                                    size_t artifact_type_length, const char *last,
                                    size_t last_length, size_t limit, pkgreg_list **list,
                                    pkgreg_error **error);

/* ---- Copies from and to other registries ------------------------------------------------------ */

/* Copies an image, with all that it refers to, from another registry into `repository`, and tags it
 * `tag` (null: it can be pulled by its digest).
 *
 * source: "registry.example.com/team/app:1.2", or with "@sha256:…"; "http://" in front for a
 *         registry without TLS.
 * options: a JSON object, null for none; its keys, all optional:
 *     "username", "password": for Basic authentication and for the token service;
 *     "ca": PEM file of authorities to trust beside the system's;
 *     "platforms": array of "os/arch[/variant]": which images of an index to pull. One: the image
 *         alone; several: an index of these; all, and the index as it is, by default.
 * Closing the registry ends a copy that runs, with PKGREG_CLOSED.
 * digest: room for PKGREG_DIGEST_SIZE bytes that receive the manifest's digest; may be null. */
PKGREG_API int32_t pkgreg_pull(pkgreg_registry *registry, const char *source, size_t source_length,
                               const char *repository, size_t repository_length, const char *tag,
                               size_t tag_length, const char *options, size_t options_length,
                               char *digest, pkgreg_error **error);
/* Copies an image from `repository` to another registry. reference: a tag or a digest. target and
 * options as above. */
PKGREG_API int32_t pkgreg_push(pkgreg_registry *registry, const char *repository,
                               size_t repository_length, const char *reference,
                               size_t reference_length, const char *target, size_t target_length,
                               const char *options, size_t options_length, pkgreg_error **error);

/* ---- DC/OS packages --------------------------------------------------------------------------- */

/* Adds the package that a bundle (`.dcos` file) holds. replace: other than 0 lets it take the place
 * of another content of this name and version, else PKGREG_PACKAGE_EXISTS. result: a JSON object
 * {"name", "version", "releaseVersion", "outcome": "added" | "unchanged" | "replaced"}, which the
 * caller frees; may be null. */
PKGREG_API int32_t pkgreg_package_add_file(pkgreg_registry *registry, const char *path,
                                           size_t path_length, int32_t replace,
                                           pkgreg_text **result, pkgreg_error **error);
PKGREG_API int32_t pkgreg_package_add_stream(pkgreg_registry *registry, pkgreg_read_fn read,
                                             void *user, int32_t replace, pkgreg_text **result,
                                             pkgreg_error **error);
/* Packages, as JSON objects {"name", "version", "releaseVersion", "resources", "images"}. name: only
 * versions of this package; null: all. */
PKGREG_API int32_t pkgreg_packages(pkgreg_registry *registry, const char *name, size_t name_length,
                                   const char *last, size_t last_length, size_t limit,
                                   pkgreg_list **list, pkgreg_error **error);
/* The metadata of a package version, as a JSON object. PKGREG_PACKAGE_UNKNOWN. */
PKGREG_API int32_t pkgreg_package_describe(pkgreg_registry *registry, const char *name,
                                           size_t name_length, const char *version,
                                           size_t version_length, pkgreg_text **metadata,
                                           pkgreg_error **error);
PKGREG_API int32_t pkgreg_package_remove(pkgreg_registry *registry, const char *name,
                                         size_t name_length, const char *version,
                                         size_t version_length, pkgreg_error **error);
/* The Universe repository document of all packages, as `GET /repo` gives it to a cluster.
 *
 * options: a JSON object, null for none; its keys:
 *     "url": where clients reach the registry, "https://host:port"; what the document refers to.
 *         Must be given where the registry's options have no `external-url`;
 *     "dcosRelease": such as "2.2", which decides on the document's version ("3" to "5");
 *     "name": only this package. */
PKGREG_API int32_t pkgreg_package_repository(pkgreg_registry *registry, const char *options,
                                             size_t options_length, pkgreg_text **document,
                                             pkgreg_error **error);

/* ---- Requests without a socket ---------------------------------------------------------------- */

typedef struct pkgreg_header {
    const char *name;
    size_t name_length;
    const char *value;
    size_t value_length;
} pkgreg_header;

/* A text of a list; `length` may be PKGREG_NUL. */
typedef struct pkgreg_name {
    const char *text;
    size_t length;
} pkgreg_name;

/* An HTTP request as a client would send it. */
typedef struct pkgreg_request {
    size_t struct_size;
    const char *method; /* "GET" */
    size_t method_length;
    const char *target; /* path and query, percent-encoded: "/v2/app/tags/list?n=10" */
    size_t target_length;
    const pkgreg_header *headers;
    size_t header_count;
    const void *body; /* null: no body, or `read` gives it */
    size_t body_size;
    pkgreg_read_fn read; /* gives the body where `body` is null; null: no body */
    void *read_user;
    uint64_t read_length; /* bytes that `read` will give; UINT64_MAX: not known */
    const char *client;   /* who asks: an address, or any text; for logs; may be null */
    size_t client_length;
    /* Who asks, for whom the caller vouches. Where the registry was opened with access
     * control, the policy decides by it what may be done (as `embedder:NAME`), and credentials in
     * the request count for nothing. Empty: nobody. Null: the request's own credentials count. */
    const char *identity;
    size_t identity_length;
    const pkgreg_name *groups; /* of the policy, that the identity is in beside those of the file */
    size_t group_count;
} pkgreg_request;

typedef struct pkgreg_response pkgreg_response;

/* Answers a request of the OCI distribution protocol, of DC/OS's package protocol, or of the
 * registry's own API, as a server on the registry would. PKGREG_OK says that there is a response,
 * whatever its status. */
PKGREG_API int32_t pkgreg_handle(pkgreg_registry *registry, const pkgreg_request *request,
                                 pkgreg_response **response, pkgreg_error **error);

/* A response at one glance; all pointers live as long as the response. */
typedef struct pkgreg_response_view {
    size_t struct_size;
    int32_t status;
    const char *headers; /* lines as they go over the wire: "Name: value\r\n"... */
    size_t headers_size;
    uint64_t content_length; /* of the body; for an answer to HEAD, that which GET would have */
    const void *body; /* the whole body where it lies in memory, else null: read it as a stream */
    size_t body_size;
} pkgreg_response_view;

PKGREG_API int32_t pkgreg_response_get(const pkgreg_response *response, pkgreg_response_view *view);
/* The value of the first field of that name, the letters' case aside; null where there is none. It
 * ends at `*size`, no NUL follows. */
PKGREG_API const char *pkgreg_response_header(const pkgreg_response *response, const char *name,
                                              size_t name_length, size_t *size);
/* Reads the body as a stream, see `pkgreg_reader_read`. */
PKGREG_API int32_t pkgreg_response_read(pkgreg_response *response, void *into, size_t size,
                                        size_t *got, pkgreg_error **error);
PKGREG_API void pkgreg_response_free(pkgreg_response *response);

/* ---- Server ----------------------------------------------------------------------------------- */

typedef struct pkgreg_server pkgreg_server;

/* Serves the registry over HTTP, on threads of the library's, until it is stopped.
 *
 * address: "127.0.0.1:5000", "[::1]:0" (0: any free port), "unix:/run/pkgreg.sock"; null: those of
 *          the options' `listen`, which were given when the registry was opened.
 * PKGREG_LOCKED when the port is taken. */
PKGREG_API int32_t pkgreg_serve(pkgreg_registry *registry, const char *address,
                                size_t address_length, pkgreg_server **server,
                                pkgreg_error **error);
/* The URL of an address that it listens on, null when there is none of that number: with the port
 * that was chosen. Lives as long as the server's handle. */
PKGREG_API const char *pkgreg_server_url(const pkgreg_server *server, size_t number, size_t *size);
/* Stops listening, lets running transfers finish for at most `grace_ms` milliseconds, then closes
 * what is left. complete: receives 1 when nothing had to be cut off, else 0; may be null. Stopping
 * again changes nothing. */
PKGREG_API int32_t pkgreg_server_stop(pkgreg_server *server, uint32_t grace_ms, int32_t *complete,
                                      pkgreg_error **error);
/* Stops at once where it runs, and frees the handle. From within a callback, which must not wait, only
 * the handle is freed; the server goes on until the registry is closed. */
PKGREG_API void pkgreg_server_free(pkgreg_server *server);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* PKGREG_H */
