// Making and reading errors; private to the SDK.
#import "AURErrors.h"

NS_ASSUME_NONNULL_BEGIN

/// An error of the SDK's domain with a sentence for a person.
NSError *AURMakeError(AURErrorCode code, NSString *sentence);

/// A failure that may pass. retryAfter is what the server asked for in seconds, 0 if nothing.
NSError *AURMakePassingError(NSString *sentence, NSTimeInterval retryAfter, NSError *_Nullable cause);

/// Whether a repetition may help; other errors are final answers of Aurora.
BOOL AURErrorIsPassing(NSError *error);

/// What the server asked for with a passing error, in seconds.
NSTimeInterval AURErrorRetryAfter(NSError *error);

/// Aurora's number of a refusal, 0 if there is none.
NSInteger AURErrorServerCode(NSError *error);

/// The HTTP status of a refusal, 0 if there is none.
NSInteger AURErrorStatus(NSError *error);

NS_ASSUME_NONNULL_END
