#import "AURErrorMaking.h"

NSString *const AURErrorDomain = @"AURErrorDomain";
NSString *const AURErrorServerCodeKey = @"AURErrorServerCode";
NSString *const AURErrorStatusKey = @"AURErrorStatus";
NSString *const AURErrorKeysKey = @"AURErrorKeys";
static NSString *const RetryAfterKey = @"AURErrorRetryAfter"; // present in passing errors only

NSError *AURMakeError(AURErrorCode code, NSString *sentence) {
    return [NSError errorWithDomain:AURErrorDomain code:code userInfo:@{NSLocalizedDescriptionKey : sentence}];
}

NSError *AURMakePassingError(NSString *sentence, NSTimeInterval retryAfter, NSError *cause) {
    NSMutableDictionary *info = [@{NSLocalizedDescriptionKey : sentence, RetryAfterKey : @(retryAfter)} mutableCopy];
    if (cause != nil) info[NSUnderlyingErrorKey] = cause;
    return [NSError errorWithDomain:AURErrorDomain code:AURErrorServerBusy userInfo:info];
}

BOOL AURErrorIsPassing(NSError *error) { return error.userInfo[RetryAfterKey] != nil; }

NSTimeInterval AURErrorRetryAfter(NSError *error) { return [error.userInfo[RetryAfterKey] doubleValue]; }

NSInteger AURErrorServerCode(NSError *error) { return [error.userInfo[AURErrorServerCodeKey] integerValue]; }

NSInteger AURErrorStatus(NSError *error) { return [error.userInfo[AURErrorStatusKey] integerValue]; }
