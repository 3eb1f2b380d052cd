#import "AURDeviceAPI.h"
#import "AURBackoff.h"
#import "AURErrorMaking.h"
#import "AURValues.h"
#import "AURVersion.h"

const NSTimeInterval AURRequestTimeout = 20;

// Numbers of Aurora's refusals that the SDK acts upon (docs/errors.md).
NSString *const AURRegistrationIDKey = @"registration_id", *const AURSecretKey = @"secret";

enum { UnknownApp = 7008, UnknownAppOld = 1005, UnknownRegistration = 7002, WrongSecret = 7004, AliasFull = 7015 };

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
    // A page that some gateway serves, be it with status 200, says nothing about the request.
    NSString *said = AURText(refusal, @"message") ?: @"this is no answer of Aurora's device API";
    NSString *sentence = [NSString stringWithFormat:@"%@ (HTTP %ld, Aurora's error %ld)", said, (long)status, (long)code];
    BOOL passing = code == 0 || status == 429 || status == 408 || status < 400 || status > 499;
    if (passing) *error = AURMakePassingError(sentence, AURRetryAfter(response.headers[@"retry-after"], now), nil);
    else *error = [NSError errorWithDomain:AURErrorDomain code:codeOf(status, code) userInfo:@{NSLocalizedDescriptionKey : sentence, AURErrorServerCodeKey : @(code), AURErrorStatusKey : @(status)}];
    return nil;
}

@implementation AURDeviceAPI {
    NSString *_base;
    AUREnvironment *_env;
}

- (instancetype)initWithServer:(NSString *)server environment:(AUREnvironment *)environment {
    if ((self = [super init])) {
        while ([server hasSuffix:@"/"]) server = [server substringToIndex:server.length - 1];
        _base = [server stringByAppendingString:@"/v1/devices"];
        _env = environment;
    }
    return self;
}

- (id<AURCancellable>)send:(NSString *)method path:(NSString *)path of:(AURIdentity *)device body:(NSDictionary *)body timeout:(NSTimeInterval)timeout answer:(AURAnswer)answer {
    AURRequest *request = [[AURRequest alloc] init];
    NSMutableDictionary *headers = [@{@"Accept" : @"application/json", @"User-Agent" : @"aurora-ios/" AURVersion} mutableCopy];
    NSString *address = _base;
    if (body != nil) {
        request.body = AURWriteJSON(body);
        headers[@"Content-Type"] = @"application/json";
    }
    if (device != nil) {
        NSString *identifier = device[AURRegistrationIDKey]; // letters and digits
        NSData *pair = [[NSString stringWithFormat:@"%@:%@", identifier, device[AURSecretKey]] dataUsingEncoding:NSUTF8StringEncoding];
        headers[@"Authorization"] = [@"Basic " stringByAppendingString:[pair base64EncodedStringWithOptions:0]];
        address = [NSString stringWithFormat:@"%@/%@%@", address, identifier, path];
    }
    request.method = method;
    request.URL = [NSURL URLWithString:address];
    request.headers = headers;
    request.timeout = timeout;
    AUREnvironment *env = _env;
    return [env.transport send:request completion:^(AURResponse *response, NSError *failure) {
        [env.queue perform:^{
            NSError *error = nil;
            NSDictionary *result = nil;
            if (response != nil) result = AURJudge(response, [env.clock now], &error);
            else error = AURMakePassingError([@"the server cannot be reached: " stringByAppendingString:failure.localizedDescription ?: @"no reason given"], 0, failure);
            answer(result, error);
        }];
    }];
}

@end
