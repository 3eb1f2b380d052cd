#import "CurlTransport.h"
#include <curl/curl.h>

@interface CurlRequest : NSObject <AURCancellable>
@property (atomic) BOOL given;
@end

@implementation CurlRequest
- (void)cancel { self.given = YES; }
@end

static const NSUInteger MaxAnswer = 256 << 10;

static size_t collect(char *bytes, size_t size, size_t count, void *into) {
    NSMutableData *data = (__bridge NSMutableData *)into;
    if (data.length + size * count > MaxAnswer) return 0;
    [data appendBytes:bytes length:size * count];
    return size * count;
}

static size_t header(char *bytes, size_t size, size_t count, void *into) {
    NSString *line = [[NSString alloc] initWithBytes:bytes length:size * count encoding:NSUTF8StringEncoding];
    NSRange colon = [line rangeOfString:@":"];
    if (colon.length > 0)
        ((__bridge NSMutableDictionary *)into)[[line substringToIndex:colon.location].lowercaseString] =
            [[line substringFromIndex:colon.location + 1] stringByTrimmingCharactersInSet:[NSCharacterSet whitespaceAndNewlineCharacterSet]];
    return size * count;
}

static int progress(void *request, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) { return ((__bridge CurlRequest *)request).given; }

static AURResponse *perform(AURRequest *request, CurlRequest *handle, NSError **error) {
    CURL *curl = curl_easy_init();
    NSMutableData *body = [NSMutableData data];
    NSMutableDictionary *headers = [NSMutableDictionary dictionary];
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (NSString *name in request.headers) list = curl_slist_append(list, [[NSString stringWithFormat:@"%@: %@", name, request.headers[name]] UTF8String]);
    curl_easy_setopt(curl, CURLOPT_URL, request.URL.absoluteString.UTF8String);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.UTF8String);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    if (request.body != nil) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request.body.length);
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, request.body.bytes);
    }
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(request.timeout * 1000));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, (__bridge void *)body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, (__bridge void *)headers);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (__bridge void *)handle);
    CURLcode code = curl_easy_perform(curl);
    AURResponse *response = nil;
    if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        response = [[AURResponse alloc] init];
        response.status = status;
        response.headers = headers;
        response.body = body;
    } else {
        *error = [NSError errorWithDomain:@"curl" code:code userInfo:@{NSLocalizedDescriptionKey : [NSString stringWithUTF8String:curl_easy_strerror(code)]}];
    }
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return response;
}

@implementation CurlTransport

- (id<AURCancellable>)send:(AURRequest *)request completion:(AURTransportCompletion)completion {
    CurlRequest *handle = [[CurlRequest alloc] init];
    [NSThread detachNewThreadSelector:@selector(run:) toTarget:self withObject:@[ request, handle, [completion copy] ]];
    return handle;
}

- (void)run:(NSArray *)what {
    @autoreleasepool {
        NSError *error = nil;
        AURResponse *response = perform(what[0], what[1], &error);
        ((AURTransportCompletion)what[2])(response, error);
    }
}

@end

id AURCall(NSString *method, NSString *url, NSString *user, NSString *password, id body, NSInteger *status) {
    AURRequest *request = [[AURRequest alloc] init];
    NSMutableDictionary *headers = [NSMutableDictionary dictionary];
    if (user != nil) {
        NSData *pair = [[NSString stringWithFormat:@"%@:%@", user, password] dataUsingEncoding:NSUTF8StringEncoding];
        headers[@"Authorization"] = [@"Basic " stringByAppendingString:[pair base64EncodedStringWithOptions:0]];
    }
    request.method = method;
    request.URL = [NSURL URLWithString:url];
    request.headers = headers;
    request.timeout = 20;
    if (body != nil) request.body = [NSJSONSerialization dataWithJSONObject:body options:0 error:NULL];
    NSError *error = nil;
    AURResponse *response = perform(request, [[CurlRequest alloc] init], &error);
    if (status != NULL) *status = response.status;
    return response.body == nil ? nil : [NSJSONSerialization JSONObjectWithData:response.body options:0 error:NULL];
}
