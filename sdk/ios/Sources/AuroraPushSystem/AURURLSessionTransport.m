#import "AURURLSessionTransport.h"

#if __APPLE__ || AUR_COMPILE_URLSESSION

static const NSUInteger MaxAnswer = 256 << 10; // bytes; a device with all its tags stays well below

@interface NSURLSessionTask (AURCancellable) <AURCancellable>
@end

@interface AURURLSessionTransport () <NSURLSessionTaskDelegate>
@end

@implementation AURURLSessionTransport {
    NSURLSession *_session;
}

- (instancetype)init {
    if ((self = [super init])) {
        NSURLSessionConfiguration *configuration = [NSURLSessionConfiguration ephemeralSessionConfiguration];
        configuration.HTTPShouldSetCookies = NO;
        configuration.HTTPCookieAcceptPolicy = NSHTTPCookieAcceptPolicyNever;
        configuration.URLCache = nil;
        configuration.URLCredentialStorage = nil;
        _session = [NSURLSession sessionWithConfiguration:configuration delegate:self delegateQueue:nil];
    }
    return self;
}

- (id<AURCancellable>)send:(AURRequest *)request completion:(AURTransportCompletion)completion {
    NSMutableURLRequest *message = [NSMutableURLRequest requestWithURL:request.URL cachePolicy:NSURLRequestReloadIgnoringLocalCacheData timeoutInterval:request.timeout];
    message.HTTPMethod = request.method;
    message.HTTPBody = request.body;
    [request.headers enumerateKeysAndObjectsUsingBlock:^(NSString *name, NSString *value, BOOL *stop) {
        [message setValue:value forHTTPHeaderField:name];
    }];
    NSURLSessionDataTask *task = [_session dataTaskWithRequest:message completionHandler:^(NSData *data, NSURLResponse *answer, NSError *error) {
        if (error != nil || ![answer isKindOfClass:[NSHTTPURLResponse class]]) {
            completion(nil, error ?: [NSError errorWithDomain:NSURLErrorDomain code:NSURLErrorBadServerResponse userInfo:nil]);
            return;
        }
        AURResponse *response = [[AURResponse alloc] init];
        NSHTTPURLResponse *http = (NSHTTPURLResponse *)answer;
        NSMutableDictionary *headers = [NSMutableDictionary dictionary];
        [http.allHeaderFields enumerateKeysAndObjectsUsingBlock:^(id name, id value, BOOL *stop) {
            headers[[name description].lowercaseString] = [value description];
        }];
        response.status = http.statusCode;
        response.headers = headers;
        response.body = data.length <= MaxAnswer ? data : [NSData data]; // too long is not an answer of Aurora's
        completion(response, nil);
    }];
    [task resume];
    return task;
}

// Redirects are not followed: the secret of the installation goes to the configured server only.
- (void)URLSession:(NSURLSession *)session
                          task:(NSURLSessionTask *)task
    willPerformHTTPRedirection:(NSHTTPURLResponse *)response
                    newRequest:(NSURLRequest *)request
             completionHandler:(void (^)(NSURLRequest *))completionHandler {
    completionHandler(nil);
}

- (void)dealloc { [_session finishTasksAndInvalidate]; }

@end

#endif
