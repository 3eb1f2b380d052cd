#import "AURDeviceAPI.h"
#import "AURBackoff.h"
#import "AURErrorMaking.h"
#import "AURValues.h"
#import "AURVersion.h"

const NSTimeInterval AURRequestTimeout = 20;

// Numbers of Aurora's refusals that the SDK acts upon (docs/errors.md).
enum { UnknownApp = 7008, UnknownAppOld = 1005, UnknownRegistration = 7002, WrongSecret = 7004, AliasFull = 7015 };

@implementation AURIdentity
- (instancetype)initWithRegistrationID:(NSString *)registrationID secret:(NSString *)secret {
    if ((self = [super init])) {
        _registrationID = [registrationID copy];
        _secret = [secret copy];
    }
    return self;
}
@end

BOOL AURErrorIsUnknownRegistration(NSError *error) {
    NSInteger status = AURErrorStatus(error), code = AURErrorServerCode(error);
    return (status == 401 || status == 404) && (code == UnknownRegistration || code == WrongSecret);
}

static AURErrorCode codeOf(NSInteger status, NSInteger number) {
    if (number == UnknownApp || number == UnknownAppOld) return AURErrorUnknownAppKey;
    if (number == AliasFull) return AURErrorAliasFull;
    if ((status == 401 || status == 404) && (number == UnknownRegistration || number == WrongSecret)) return AURErrorUnknownDevice;
    return AURErrorRefused;
}

NSDictionary *AURJudge(AURResponse *response, NSDate *now, NSError **error) {
    NSInteger status = response.status;
    NSDictionary *answer = AURReadJSON(response.body);
    if (status == 200 && answer != nil) return answer;
    NSDictionary *refusal = AURDictionary(answer[@"error"]);
    NSNumber *number = refusal[@"code"];
    NSInteger code = [number isKindOfClass:[NSNumber class]] ? number.integerValue : 0;
    if (code == 0 || status == 429 || status == 408 || status < 400 || status > 499) {
        // A page that some gateway serves, be it with status 200, says nothing about the request.
        NSString *sentence = [NSString stringWithFormat:@"the server answered HTTP %ld: %@", (long)status, AURText(refusal, @"message") ?: @"no answer of Aurora's device API"];
        *error = AURMakePassingError(sentence, AURRetryAfter(response.headers[@"retry-after"], now), nil);
        return nil;
    }
    NSString *sentence = [NSString stringWithFormat:@"%@ (Aurora's error %ld, HTTP %ld)", refusal[@"message"], (long)code, (long)status];
    *error = [NSError errorWithDomain:AURErrorDomain code:codeOf(status, code) userInfo:@{
        NSLocalizedDescriptionKey : sentence, AURErrorServerCodeKey : @(code), AURErrorStatusKey : @(status)}];
    return nil;
}

@implementation AURDeviceAPI {
    NSString *_base; // without a trailing slash
    id<AURTransport> _transport;
    id<AURClock> _clock;
    id<AURQueue> _queue;
}

- (instancetype)initWithServer:(NSString *)server transport:(id<AURTransport>)transport clock:(id<AURClock>)clock queue:(id<AURQueue>)queue {
    if ((self = [super init])) {
        while ([server hasSuffix:@"/"]) server = [server substringToIndex:server.length - 1];
        _base = [server copy];
        _transport = transport;
        _clock = clock;
        _queue = queue;
    }
    return self;
}

- (AURRequest *)request:(NSString *)method path:(NSString *)path of:(AURIdentity *)device body:(NSDictionary *)body {
    AURRequest *request = [[AURRequest alloc] init];
    NSMutableDictionary *headers = [@{@"Accept" : @"application/json", @"User-Agent" : @"aurora-ios/" AURVersion} mutableCopy];
    NSString *address = [_base stringByAppendingString:@"/v1/devices"];
    if (body != nil) {
        request.body = AURWriteJSON(body);
        headers[@"Content-Type"] = @"application/json";
    }
    if (device != nil) {
        NSData *pair = [[NSString stringWithFormat:@"%@:%@", device.registrationID, device.secret] dataUsingEncoding:NSUTF8StringEncoding];
        headers[@"Authorization"] = [@"Basic " stringByAppendingString:[pair base64EncodedStringWithOptions:0]];
        address = [NSString stringWithFormat:@"%@/%@%@", address, device.registrationID, path]; // an id is letters and digits
    }
    request.method = method;
    request.URL = [NSURL URLWithString:address];
    request.headers = headers;
    request.timeout = AURRequestTimeout;
    return request;
}

- (id<AURCancellable>)send:(AURRequest *)request answer:(AURAnswer)answer {
    id<AURQueue> queue = _queue;
    id<AURClock> clock = _clock;
    return [_transport send:request completion:^(AURResponse *response, NSError *failure) {
        [queue perform:^{
            NSError *error = nil;
            NSDictionary *result = nil;
            if (response != nil) result = AURJudge(response, [clock now], &error);
            else error = AURMakePassingError([@"the server cannot be reached: " stringByAppendingString:failure.localizedDescription ?: @"no reason given"], 0, failure);
            answer(result, error);
        }];
    }];
}

- (id<AURCancellable>)registerDevice:(NSDictionary *)registration answer:(AURAnswer)answer {
    return [self send:[self request:@"POST" path:@"" of:nil body:registration] answer:^(NSDictionary *result, NSError *error) {
        if (result != nil && AURText(result, @"registration_id").length == 0) answer(nil, AURMakePassingError(@"the server's answer holds no registration id", 0, nil));
        else answer(result, error);
    }];
}

- (id<AURCancellable>)update:(AURChanges *)changes of:(AURIdentity *)device answer:(AURAnswer)answer {
    return [self send:[self request:@"PATCH" path:@"" of:device body:AURChangesBody(changes)] answer:answer];
}

- (id<AURCancellable>)report:(NSArray<AURReceipt *> *)receipts of:(AURIdentity *)device timeout:(NSTimeInterval)timeout answer:(AURAnswer)answer {
    AURRequest *request = [self request:@"POST" path:@"/receipts" of:device body:@{@"receipts" : receipts}];
    request.timeout = timeout;
    return [self send:request answer:answer];
}

- (id<AURCancellable>)readDevice:(AURIdentity *)device answer:(AURAnswer)answer {
    return [self send:[self request:@"GET" path:@"" of:device body:nil] answer:answer];
}

- (id<AURCancellable>)messagesOf:(AURIdentity *)device wait:(NSInteger)seconds answer:(AURAnswer)answer {
    AURRequest *request = [self request:@"GET" path:[NSString stringWithFormat:@"/messages?wait=%ld", (long)seconds] of:device body:nil];
    request.timeout = seconds + AURRequestTimeout;
    return [self send:request answer:answer];
}

@end
